//! The judgement in its own box: outcome, class, why, what is missing, and which text it follows.

use kakehashi_forms::{Definition, Judgement, Node, Outcome};
use kakehashi_platform::web::Language;
use maud::{Markup, html};

use super::{findings::anchor, pick};

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
                (outcome(judgement.outcome, language))
            }
            dl.facts {
                @for (label, class) in [
                    (language.pick("診断", "Diagnosis"), &judgement.diagnosis),
                    (language.pick("重症度", "Severity"), &judgement.severity),
                ] {
                    dt { (label) }
                    dd {
                        @match class {
                            Some(class) => { (pick(language, &class.label)) }
                            None => { (language.pick("確定できません", "not certain")) }
                        }
                    }
                }
            }
            @if !judgement.missing.is_empty() {
                p {
                    (language.pick(
                        "次の項目を記入すると判定できます：",
                        "Answer these items to get a judgement:",
                    ))
                }
                ul {
                    @for item in judgement.missing.iter().filter_map(|id| definition.item(id)) {
                        li { a href={ "#" (anchor(&item.id)) } { (pick(language, &item.label)) } }
                    }
                }
            }
            details {
                summary { (language.pick("判定の根拠を見る", "Show why")) }
                ul.tree { (node(&judgement.explanation, language)) }
            }
            p.note {
                (pick(language, &judgement.rule_notice)) "（" (judgement.rule_version) "）"
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
