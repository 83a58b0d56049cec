//! The judgement in its own box: outcome, class, why, what is missing, and which text it follows.

use kakehashi_forms::{Class, Definition, Half, Item, Judgement, Node, Outcome};
use kakehashi_platform::web::Language;
use maud::{Markup, html};

use super::{findings::anchor, pick};

/// Of more missing items than this the rest is behind a fold.
const MISSING_MAX: usize = 8;

/// The box. Advice only: nothing depends on it.
pub(crate) fn render(definition: &Definition, judgement: &Judgement, language: Language) -> Markup {
    let class = match judgement.outcome {
        Outcome::Met => "good",
        Outcome::NotMet => "warn",
        Outcome::Undetermined => "",
    };
    html! {
        section class={ "box judgement " (class) } aria-labelledby="judgement-title" {
            h3 #judgement-title {
                (language.pick("機械判定（参考）", "Judgement by machine (advice)")) "： "
                @if is_whole(judgement) {
                    (outcome(judgement.outcome, language))
                } @else {
                    (not_judged(language))
                }
            }
            dl.facts {
                (half(
                    language.pick("診断", "Diagnosis"),
                    judgement.diagnosis.as_ref(),
                    judgement.diagnosis_half.as_ref(),
                    judgement,
                    language,
                ))
                (half(
                    language.pick("重症度", "Severity"),
                    judgement.severity.as_ref(),
                    judgement.severity_half.as_ref(),
                    judgement,
                    language,
                ))
            }
            (missing(definition, judgement, language))
            details {
                summary { (language.pick("判定の根拠を見る", "Show why")) }
                ul.tree { (node(&judgement.explanation, language)) }
            }
            @if is_from_before(judgement) {
                p.note {
                    (pick(language, &judgement.rule_notice)) "（" (judgement.rule_version) "）"
                }
            }
        }
    }
}

/// Whether it was stored before each half said by which text it was made.
fn is_from_before(judgement: &Judgement) -> bool {
    let has_halves = judgement.diagnosis_half.is_some() || judgement.severity_half.is_some();
    !has_halves && !judgement.rule_version.is_empty()
}

fn is_whole(judgement: &Judgement) -> bool {
    let has_both = judgement.diagnosis_half.is_some() && judgement.severity_half.is_some();
    has_both || is_from_before(judgement)
}

fn not_judged(language: Language) -> Markup {
    html! { span.tag.info { "－ " (language.pick("機械判定なし", "Not judged by machine")) } }
}

/// One half: what it came to, and by which text.
fn half(
    label: &str,
    class: Option<&Class>,
    half: Option<&Half>,
    judgement: &Judgement,
    language: Language,
) -> Markup {
    html! {
        dt { (label) }
        dd {
            @match (class, half) {
                (Some(class), Some(half)) => {
                    (pick(language, &class.label)) " " (outcome(half.outcome, language))
                }
                (Some(class), None) => { (pick(language, &class.label)) }
                (None, Some(half)) => {
                    (outcome(half.outcome, language)) (open_class(half.outcome, language))
                }
                (None, None) if is_from_before(judgement) => {
                    (language.pick("確定できません", "not certain"))
                }
                (None, None) => {
                    (not_judged(language))
                    (language.pick(
                        "（基準は人が確かめてください）",
                        " (a person has to look at the criteria)",
                    ))
                }
            }
            @if let Some(half) = half {
                div.note { (pick(language, &half.notice)) "（" (half.version) "）" }
            }
        }
    }
}

/// What is to be said where no category or grade is certain although the outcome may be.
fn open_class(outcome: Outcome, language: Language) -> &'static str {
    match outcome {
        Outcome::Met => language.pick("（区分は未確定）", " (which class is still open)"),
        Outcome::NotMet => language.pick("（区分なし）", " (no class)"),
        Outcome::Undetermined => "",
    }
}

/// The items that could still decide it.
fn missing(definition: &Definition, judgement: &Judgement, language: Language) -> Markup {
    let items: Vec<&Item> = judgement.missing.iter().filter_map(|id| definition.item(id)).collect();
    let (first, rest) = items.split_at(items.len().min(MISSING_MAX));
    let list = |items: &[&Item]| {
        html! {
            ul {
                @for item in items {
                    li { a href={ "#" (anchor(&item.id)) } { (pick(language, &item.label)) } }
                }
            }
        }
    };
    html! {
        @if !first.is_empty() {
            p {
                (language.pick(
                    "次の項目を記入すると判定できます：",
                    "Answer these items to get a judgement:",
                ))
            }
            (list(first))
        }
        @if !rest.is_empty() {
            details {
                summary {
                    (language.pick("ほかの項目も見る", "Show the others")) "（" (rest.len()) "）"
                }
                (list(rest))
            }
        }
    }
}

/// An outcome by sign, word and colour.
pub(crate) fn outcome(outcome: Outcome, language: Language) -> Markup {
    let (class, sign) = match outcome {
        Outcome::Met => ("good", "○"),
        Outcome::NotMet => ("warn", "×"),
        Outcome::Undetermined => ("info", "？"),
    };
    html! { span class={ "tag " (class) } { (sign) " " (pick(language, &outcome.label())) } }
}

/// The tree's depth is bounded when the definition is loaded.
fn node(node_of: &Node, language: Language) -> Markup {
    html! {
        li {
            (outcome(node_of.outcome, language)) " " (pick(language, &node_of.label))
            @if !node_of.children.is_empty() {
                ul { @for child in &node_of.children { (node(child, language)) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kakehashi_forms::{Answers, Catalogue, Localized};

    use super::*;

    fn shown(change: impl FnOnce(&mut Judgement)) -> String {
        let catalogue = Catalogue::builtin().expect("definitions load");
        let key = "nanbyo/0006-000/2403".parse().expect("a literal key");
        let form = catalogue.definition(key).expect("the form is built in");
        let answers = Answers::new();
        let circumstances = form.circumstances(&answers, kakehashi_forms::Application::New);
        let mut judgement = form.judge(&answers, &circumstances);
        change(&mut judgement);
        render(form, &judgement, Language::Ja).into_string()
    }

    fn half(outcome: Outcome, version: &str) -> Half {
        let notice = Localized::new(format!("{version}による判定"), version);
        Half { outcome, version: version.to_owned(), notice }
    }

    #[test]
    fn a_certain_outcome_of_an_open_class_reads_as_open() {
        let page = shown(|judgement| {
            judgement.outcome = Outcome::Met;
            judgement.diagnosis = None;
            judgement.diagnosis_half = Some(half(Outcome::Met, "2020年3月版"));
            judgement.severity_half = Some(half(Outcome::NotMet, "2024年4月版"));
        });
        assert!(page.contains("該当</span>（区分は未確定）"), "{page}");
        assert!(page.contains("非該当</span>（区分なし）"));
        assert!(page.contains("2020年3月版による判定（2020年3月版）"));
        assert!(page.contains("2024年4月版による判定（2024年4月版）"));
    }

    #[test]
    fn a_half_without_criteria_is_said_to_be_not_judged() {
        let page = shown(|judgement| judgement.severity_half = None);
        assert_eq!(page.matches("機械判定なし").count(), 2, "{page}");
        let page = shown(|judgement| {
            judgement.diagnosis_half = None;
            judgement.severity_half = None;
            judgement.rule_version.clear();
        });
        assert_eq!(page.matches("機械判定なし").count(), 3, "{page}");
    }

    #[test]
    fn a_judgement_stored_before_halves_keeps_its_notice() {
        let page = shown(|judgement| {
            judgement.diagnosis_half = None;
            judgement.severity_half = None;
            judgement.rule_version = "text-1".to_owned();
        });
        assert!(page.contains("（text-1）") && !page.contains("機械判定なし"), "{page}");
    }

    #[test]
    fn a_long_list_of_missing_items_is_folded() {
        let page = shown(|_| {});
        assert!(page.contains("ほかの項目も見る"), "{page}");
    }
}
