"""Judges FHIR R4 resources given as JSON files: one line "<file> valid" or "<file> refused: <why>" each.

The structures are those of PyPI's fhir.resources. It checks names, types and cardinality itself; the
closed code lists it only knows, so they are compared here.
"""

import json
import sys

from fhir.resources import construct_fhir_element
from fhir.resources.core.fhirabstractmodel import FHIRAbstractModel


# http://hl7.org/fhir/R4/valueset-item-type.html; the library lists a part of it only, and says so with "+".
ITEM_TYPES = set(
    "group display boolean decimal integer date dateTime time string text url choice open-choice "
    "attachment reference quantity".split()
)


def enums(element, path):
    for name, field in type(element).__fields__.items():
        value = getattr(element, name, None)
        allowed = field.field_info.extra.get("enum_values")
        if allowed and "+" in allowed:
            allowed = ITEM_TYPES if type(element).__name__ == "QuestionnaireItem" else None
        values = value if isinstance(value, list) else [value]
        for place, one in enumerate(values):
            here = f"{path}.{name}[{place}]"
            if allowed and one is not None and one not in allowed:
                yield f"{here}: not one of the codes of the standard"
            if isinstance(one, FHIRAbstractModel):
                yield from enums(one, here)


for file in sys.argv[1:]:
    try:
        with open(file, encoding="utf-8") as text:
            data = json.load(text)
        resource = construct_fhir_element(data["resourceType"], data)
        wrong = next(enums(resource, data["resourceType"]), None)
    except Exception as error:  # whatever it dislikes is a refusal
        wrong = " ".join(str(error).split())[:300]
    print(f"{file} valid" if wrong is None else f"{file} refused: {wrong}")
