//! From definition files to definitions: includes resolved, every rule compiled and type-checked.

mod criteria;

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use kakehashi_kernel::{
    FormKey,
    limits::{FORM_ITEMS_MAX, FORM_VALUE_BYTES_MAX},
};
use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use toml::Spanned;

use crate::{
    calculate::{Calculation, Derived},
    catalogue::{LoadError, SourceFile},
    check::Rule,
    code_list::{CodeList, CodeOption},
    definition::{Definition, Section},
    expression::{Engine, Expression},
    finding::Localized,
    item::{Applications, Item, Kind},
    source::{RawCodes, RawDerived, RawForm, RawItem, RawRule, RawSection, RawShared},
    typing::Type,
};

type Lists = BTreeMap<String, Arc<CodeList>>;
type Shared<'a> = BTreeMap<&'a str, (SourceFile<'a>, RawShared)>;

/// Loads every form among the files.
pub(crate) fn catalogue(
    files: &[SourceFile<'_>],
) -> Result<BTreeMap<FormKey, Definition>, LoadError> {
    let engine = Engine::new();
    let mut lists = Lists::new();
    let mut shared = Shared::new();
    for file in files {
        if file.path.starts_with("codes/") {
            load_lists(file, &mut lists)?;
        } else if let Some(name) = file.path.strip_prefix("shared/") {
            shared.insert(name.trim_end_matches(".toml"), (*file, parse(file)?));
        }
    }
    let mut forms = BTreeMap::new();
    let mut paths: BTreeMap<FormKey, &str> = BTreeMap::new();
    for file in files.iter().filter(|file| file.path.starts_with("forms/")) {
        let form = Loader { file, lists: &lists, shared: &shared, types: BTreeMap::new() };
        let definition = form.load(&engine)?;
        if definition.key.to_string()
            != file.path.trim_start_matches("forms/").trim_end_matches(".toml")
        {
            return Err(wrong(file, None, None, "the key does not match the path"));
        }
        paths.insert(definition.key, file.path);
        forms.insert(definition.key, definition);
    }
    demand_no_overlap(&forms, &paths)?;
    Ok(forms)
}

/// Two versions of one form must not be in force on the same day.
fn demand_no_overlap(
    forms: &BTreeMap<FormKey, Definition>,
    paths: &BTreeMap<FormKey, &str>,
) -> Result<(), LoadError> {
    for (key, form) in forms {
        for (other_key, other) in
            forms.range((std::ops::Bound::Excluded(*key), std::ops::Bound::Unbounded))
        {
            let same = (key.programme, key.number, key.branch)
                == (other_key.programme, other_key.number, other_key.branch);
            let starts_before_end =
                |a: &Definition, b: &Definition| b.valid_until.is_none_or(|end| a.valid_from < end);
            if same && starts_before_end(form, other) && starts_before_end(other, form) {
                let file = paths.get(key).copied().unwrap_or_default().to_owned();
                let other = paths.get(other_key).copied().unwrap_or_default();
                let problem = format!("in force on the same day as {other}");
                return Err(LoadError { file, line: None, rule: None, problem });
            }
        }
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(file: &SourceFile<'_>) -> Result<T, LoadError> {
    toml::from_str(file.text)
        .map_err(|error: toml::de::Error| wrong(file, error.span().as_ref(), None, error.message()))
}

fn wrong(
    file: &SourceFile<'_>,
    span: Option<&Range<usize>>,
    rule: Option<&str>,
    problem: impl Into<String>,
) -> LoadError {
    let before = span.and_then(|span| file.text.get(..span.start));
    LoadError {
        file: file.path.to_owned(),
        line: before.map(|before| before.matches('\n').count() + 1),
        rule: rule.map(str::to_owned),
        problem: problem.into(),
    }
}

fn load_lists(file: &SourceFile<'_>, lists: &mut Lists) -> Result<(), LoadError> {
    let raw: RawCodes = parse(file)?;
    for list in raw.list {
        let span = list.id.span();
        let id = list.id.into_inner();
        let options: Vec<CodeOption> = list
            .code
            .into_iter()
            .map(|code| CodeOption {
                label: Localized::new(code.ja, code.en),
                code: code.code,
                means: code.means,
                points: code.points,
            })
            .collect();
        let mut codes: Vec<&str> = options.iter().map(|option| option.code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        let is_word = |code: &&str| !code.is_empty() && !code.contains(char::is_whitespace);
        if codes.len() != options.len() || options.is_empty() || !codes.iter().all(is_word) {
            return Err(wrong(
                file,
                Some(&span),
                Some(&id),
                "a code is empty, spaced or given twice",
            ));
        }
        let list = Arc::new(CodeList::new(id.clone(), options));
        if lists.insert(id.clone(), list).is_some() {
            return Err(wrong(file, Some(&span), Some(&id), "there is another list of this name"));
        }
    }
    Ok(())
}

/// Loads one form file.
struct Loader<'a> {
    file: &'a SourceFile<'a>,
    lists: &'a Lists,
    shared: &'a Shared<'a>,
    /// What rules see of every item and derived item; complete before the first rule is compiled.
    types: BTreeMap<String, Type>,
}

/// A raw thing and the file it stands in.
struct In<'a, T>(&'a SourceFile<'a>, T);

/// A section as collected, before its items are compiled.
struct Collected<'a> {
    file: &'a SourceFile<'a>,
    id: String,
    label: Localized,
    page: u16,
    items: Vec<RawItem>,
}

impl<'a> Loader<'a> {
    fn load(mut self, engine: &Engine) -> Result<Definition, LoadError> {
        let mut raw: RawForm = parse(self.file)?;
        let key: FormKey = raw.key.get_ref().parse().map_err(
            |error: kakehashi_kernel::programme::InvalidFormKey| {
                wrong(self.file, Some(&raw.key.span()), None, error.to_string())
            },
        )?;
        let mut derived: Vec<In<'a, RawDerived>> = Vec::new();
        let mut rules: Vec<In<'a, RawRule>> = Vec::new();
        let mut collected = Vec::new();
        for section in std::mem::take(&mut raw.section) {
            if section.page.get_ref() > &raw.pages || *section.page.get_ref() == 0 {
                return Err(wrong(self.file, Some(&section.page.span()), None, "no such page"));
            }
            collected.push(self.collect(section, &mut derived, &mut rules)?);
        }
        derived.extend(raw.derived.into_iter().map(|derived| In(self.file, derived)));
        rules.extend(raw.rule.into_iter().map(|rule| In(self.file, rule)));
        self.learn_types(&collected, &derived)?;
        let sections: Vec<Section> = collected
            .into_iter()
            .map(|section| self.section(section, raw.pages))
            .collect::<Result<_, _>>()?;
        let places = places(&sections);
        let derived: Vec<Derived> = derived
            .into_iter()
            .map(|In(file, raw)| self.derived(file, raw))
            .collect::<Result<_, _>>()?;
        let rules: Vec<Rule> = rules
            .into_iter()
            .map(|In(file, raw)| self.rule(file, raw))
            .collect::<Result<_, _>>()?;
        let criteria = self.criteria(raw.criterion, raw.category, raw.grade)?;
        Ok(Definition {
            key,
            name: raw.name,
            pages: raw.pages,
            valid_from: raw.valid_from,
            valid_until: raw.valid_until,
            rule_version: raw.rule_version,
            rule_notice: raw.rule_notice,
            sections,
            places,
            derived,
            rules,
            criteria,
            engine: engine.clone(),
        })
    }

    fn collect(
        &self,
        section: RawSection,
        derived: &mut Vec<In<'a, RawDerived>>,
        rules: &mut Vec<In<'a, RawRule>>,
    ) -> Result<Collected<'a>, LoadError> {
        let page = *section.page.get_ref();
        let span = section.page.span();
        match (section.include, section.id, section.ja, section.en) {
            (Some(name), None, None, None) if section.item.is_empty() => {
                let Some((file, shared)) = self.shared.get(name.get_ref().as_str()) else {
                    let problem = format!("there is no shared section {}", name.get_ref());
                    return Err(wrong(self.file, Some(&name.span()), None, problem));
                };
                derived.extend(shared.derived.iter().cloned().map(|derived| In(file, derived)));
                rules.extend(shared.rule.iter().cloned().map(|rule| In(file, rule)));
                let label = Localized::new(&shared.ja, &shared.en);
                let id = shared.id.get_ref().clone();
                Ok(Collected { file, id, label, page, items: shared.item.clone() })
            }
            (None, Some(id), Some(ja), Some(en)) => {
                let label = Localized::new(ja, en);
                let (file, id) = (self.file, id.into_inner());
                Ok(Collected { file, id, label, page, items: section.item })
            }
            _ => {
                let problem = "a section is either included, or has id, ja, en and items";
                Err(wrong(self.file, Some(&span), None, problem))
            }
        }
    }

    fn learn_types(
        &mut self,
        sections: &[Collected<'a>],
        derived: &[In<'a, RawDerived>],
    ) -> Result<(), LoadError> {
        let mut section_ids = std::collections::BTreeSet::new();
        for section in sections {
            if !is_name(&section.id) || !section_ids.insert(&section.id) {
                let problem = "a section's id is not a name, or is used twice";
                return Err(wrong(section.file, None, Some(&section.id), problem));
            }
            for item in &section.items {
                let kind = self.kind(section.file, item)?;
                self.learn(section.file, &item.id, Type::of_kind(&kind))?;
            }
        }
        for In(file, derived) in derived {
            self.learn(file, &derived.id, Type::Int)?;
        }
        if self.types.len() > FORM_ITEMS_MAX {
            return Err(wrong(self.file, None, None, format!("more than {FORM_ITEMS_MAX} items")));
        }
        Ok(())
    }

    fn learn(
        &mut self,
        file: &SourceFile<'_>,
        id: &Spanned<String>,
        is: Type,
    ) -> Result<(), LoadError> {
        let name = id.get_ref();
        if !is_name(name) {
            let problem = "an id is lower case letters, digits and underscores, a letter first";
            return Err(wrong(file, Some(&id.span()), Some(name), problem));
        }
        if self.types.insert(name.clone(), is).is_some() {
            return Err(wrong(file, Some(&id.span()), Some(name), "the id is used twice"));
        }
        Ok(())
    }

    fn section(&self, section: Collected<'a>, pages: u16) -> Result<Section, LoadError> {
        let mut items = Vec::with_capacity(section.items.len());
        for raw in section.items {
            let page = raw.page.unwrap_or(section.page);
            if page == 0 || page > pages {
                return Err(wrong(
                    section.file,
                    Some(&raw.id.span()),
                    Some(raw.id.get_ref()),
                    "no such page",
                ));
            }
            items.push(self.item(section.file, raw, page)?);
        }
        Ok(Section { id: section.id, label: section.label, page: section.page, items })
    }

    fn item(&self, file: &SourceFile<'_>, raw: RawItem, page: u16) -> Result<Item, LoadError> {
        let kind = self.kind(file, &raw)?;
        let id = raw.id.into_inner();
        Ok(Item {
            required_when: self.optional(file, raw.required_when, &id)?,
            relevant: self.optional(file, raw.relevant, &id)?,
            id,
            label: Localized::new(raw.ja, raw.en),
            kind,
            help: raw.help,
            unit: raw.unit,
            page,
            required: raw.required,
            applies: raw.applies.unwrap_or(Applications::Both),
            class: raw.class,
            carry: raw.carry,
            states: raw.states,
            confidence: raw.confidence,
        })
    }

    fn kind(&self, file: &SourceFile<'_>, raw: &RawItem) -> Result<Kind, LoadError> {
        let id = raw.id.get_ref();
        let refuse = |problem: &str| wrong(file, Some(&raw.kind.span()), Some(id), problem);
        let length = || raw.length.ok_or_else(|| refuse("length = [min, max] is missing"));
        let list = || {
            let name = raw.codes.as_ref().ok_or_else(|| refuse("codes is missing"))?;
            let unknown =
                || wrong(file, Some(&name.span()), Some(id), "there is no such code list");
            self.lists.get(name.get_ref()).map(Arc::clone).ok_or_else(unknown)
        };
        let kind = match raw.kind.get_ref().as_str() {
            "text" => {
                Kind::Text { length_max: length()?[1], lines_max: raw.lines_max.unwrap_or(1) }
            }
            "kana" => Kind::Kana { length_max: length()?[1] },
            "digits" => Kind::Digits { min: length()?[0], max: length()?[1] },
            "date" => Kind::Date,
            "partial_date" => Kind::PartialDate,
            "code" => Kind::Code(list()?),
            "codes" => Kind::Codes(list()?),
            "integer" => {
                let (min, max) = range::<i64>(file, raw)?;
                Kind::Integer { min, max }
            }
            "decimal" => {
                let (min, max) = range::<Decimal>(file, raw)?;
                let places = raw.places.ok_or_else(|| refuse("places is missing"))?;
                Kind::Decimal { min, max, places, comparator: raw.comparator }
            }
            "postcode" => Kind::Postcode,
            "tel" => Kind::Tel,
            "recipient" => Kind::Recipient,
            "insurer" => Kind::Insurer,
            _ => return Err(refuse("unknown type")),
        };
        // Four bytes is the longest code point, so that what fits the length fits the limit.
        if raw
            .length
            .is_some_and(|[min, max]| min > max || max == 0 || max > FORM_VALUE_BYTES_MAX / 4)
        {
            return Err(refuse("the length is out of bounds"));
        }
        Ok(kind)
    }

    fn derived(&self, file: &SourceFile<'_>, raw: RawDerived) -> Result<Derived, LoadError> {
        let id = raw.id.get_ref();
        let refuse = |problem: String| wrong(file, Some(&raw.id.span()), Some(id), problem);
        let calculation = match (raw.years, raw.points) {
            (Some([from, to]), None) => Calculation::Years { from, to },
            (None, Some(items)) => Calculation::Points(items),
            _ => return Err(refuse("give either years or points".to_owned())),
        };
        for input in calculation.inputs() {
            let fits = match (&calculation, self.types.get(input)) {
                (Calculation::Years { .. }, Some(Type::Date | Type::PartialDate)) => true,
                (Calculation::Points(_), Some(Type::Code(list))) => {
                    list.options().iter().all(|option| option.points.is_some())
                }
                _ => false,
            };
            if !fits {
                return Err(refuse(format!("cannot be calculated from {input}")));
            }
        }
        Ok(Derived {
            id: raw.id.into_inner(),
            label: Localized::new(raw.ja, raw.en),
            unit: raw.unit,
            formula: raw.formula,
            source: raw.source,
            calculation,
        })
    }

    fn rule(&self, file: &SourceFile<'_>, raw: RawRule) -> Result<Rule, LoadError> {
        let id = raw.id.into_inner();
        if !self.types.contains_key(raw.item.get_ref()) {
            let problem = format!("unknown item {}", raw.item.get_ref());
            return Err(wrong(file, Some(&raw.item.span()), Some(&id), problem));
        }
        Ok(Rule {
            holds: self.expression(file, &raw.holds, &id)?,
            id,
            item: raw.item.into_inner(),
            severity: raw.severity,
            message: raw.message,
            remedy: raw.remedy,
        })
    }

    fn optional(
        &self,
        file: &SourceFile<'_>,
        text: Option<Spanned<String>>,
        rule: &str,
    ) -> Result<Option<Expression>, LoadError> {
        text.map(|text| self.expression(file, &text, rule)).transpose()
    }

    fn expression(
        &self,
        file: &SourceFile<'_>,
        text: &Spanned<String>,
        rule: &str,
    ) -> Result<Expression, LoadError> {
        Expression::compile(text.get_ref(), &self.types)
            .map_err(|problem| wrong(file, Some(&text.span()), Some(rule), problem))
    }
}

fn range<T: std::str::FromStr + PartialOrd>(
    file: &SourceFile<'_>,
    raw: &RawItem,
) -> Result<(T, T), LoadError> {
    let id = raw.id.get_ref();
    let Some(range) = &raw.range else {
        return Err(wrong(file, Some(&raw.kind.span()), Some(id), "range is missing"));
    };
    let [min, max] = range.get_ref();
    match (min.parse::<T>(), max.parse::<T>()) {
        (Ok(min), Ok(max)) if min <= max => Ok((min, max)),
        _ => {
            Err(wrong(file, Some(&range.span()), Some(id), "the range is not two numbers in order"))
        }
    }
}

fn places(sections: &[Section]) -> BTreeMap<String, (usize, usize)> {
    let mut places = BTreeMap::new();
    for (section_place, section) in sections.iter().enumerate() {
        for (item_place, item) in section.items.iter().enumerate() {
            places.insert(item.id.clone(), (section_place, item_place));
        }
    }
    places
}

fn is_name(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.len() <= 64
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}
