"""Judges every document of every group by its group's schema, with xmlschema from PyPI.

Called with a folder of folders, each with schema.xsd and 0.xml, 1.xml, ... Prints one line for each
document: its path and `valid` or `invalid`.
"""

import pathlib
import sys

import xmlschema

folder = pathlib.Path(sys.argv[1])
for group in sorted(folder.iterdir()):
    schema = xmlschema.XMLSchema10(str(group / "schema.xsd"))
    for document in sorted(group.glob("*.xml")):
        try:
            is_valid = schema.is_valid(str(document))
        except Exception:  # Not well-formed: it has no verdict of its own for that.
            is_valid = False
        print(f"{group.name}/{document.name}", "valid" if is_valid else "invalid")
