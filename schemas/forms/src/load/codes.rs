//! Loading code lists.

use std::sync::Arc;

use super::{Lists, parse, wrong};
use crate::{
    catalogue::{LoadError, SourceFile},
    code_list::{CodeList, CodeOption},
    finding::Localized,
    source::RawCodes,
};

pub(super) fn load_lists(file: &SourceFile<'_>, lists: &mut Lists) -> Result<(), LoadError> {
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
