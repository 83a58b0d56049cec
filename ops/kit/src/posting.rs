//! What a browser posts for a form a doctor has filled in on the entry page.

use kakehashi_forms::{Answer, Answers, Definition, Item, Value};

/// The fields of the entry page, by name: an item's id, `<item>.state` for a state instead of a value,
/// `<item>.<row>.<column>` for a cell of a table.
///
/// `None` when an answer is a state of paper (illegible, struck out, multiply marked) that a page has no
/// field for.
pub fn posted(definition: &Definition, answers: &Answers) -> Option<Vec<(String, String)>> {
    let mut fields = Vec::new();
    for item in definition.items() {
        match answers.get(&item.id) {
            None => {}
            Some(Answer::Given(Value::Rows(rows))) => {
                for (number, row) in (1..).zip(rows) {
                    for column in item.columns() {
                        if let Some(answer) = row.get(&column.id) {
                            let name = format!("{}.{number}.{}", item.id, column.id);
                            post(&mut fields, column, name, answer)?;
                        }
                    }
                }
            }
            Some(answer) => post(&mut fields, item, item.id.clone(), answer)?,
        }
    }
    Some(fields)
}

fn post(
    fields: &mut Vec<(String, String)>,
    item: &Item,
    name: String,
    answer: &Answer,
) -> Option<()> {
    match answer {
        Answer::Given(Value::Codes(codes)) => {
            fields.extend(codes.iter().map(|code| (name.clone(), code.clone())));
        }
        Answer::Given(Value::BelowDetection) => {
            fields.push((format!("{name}.state"), "below-detection".to_owned()));
        }
        Answer::Given(_) => fields.push((name, item.write(answer))),
        Answer::NotDone | Answer::Unknown => {
            fields.push((format!("{name}.state"), answer.state()?.to_owned()));
        }
        Answer::Blank => {}
        Answer::Illegible | Answer::Struck | Answer::MultiplyMarked => return None,
    }
    Some(())
}
