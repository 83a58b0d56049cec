//! The keyboard: keys that move and press, and text typed where the focus is.

use fantoccini::{
    Client,
    actions::{InputSource, KeyAction, KeyActions},
};
use serde::Deserialize;

/// A key that is not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Tab: to the next control.
    Tab,
    /// Enter: presses a button, follows a link.
    Enter,
    /// Space: ticks a box.
    Space,
    /// Arrow down: the next option.
    Down,
}

impl Key {
    /// The code points of the `WebDriver` specification.
    const fn code(self) -> char {
        match self {
            Self::Tab => '\u{e004}',
            Self::Enter => '\u{e007}',
            Self::Space => ' ',
            Self::Down => '\u{e015}',
        }
    }
}

/// The control that has the focus.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Focus {
    /// `input`, `a`, `button` …, in small letters.
    pub tag: String,
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: String,
    /// Its value.
    pub value: String,
    /// Whether it is ticked.
    pub checked: bool,
    /// Its text, as shown.
    pub text: String,
}

/// Answers where the focus is, to be run in the page.
pub(crate) const FOCUS: &str = "const e = document.activeElement || document.body; return {
    tag: e.tagName.toLowerCase(), id: e.id || '', name: e.name || '', kind: e.type || '',
    value: String(e.value || ''), checked: e.checked === true, text: (e.innerText || '').trim() };";

/// Presses keys, one after another.
pub(crate) async fn press(client: &Client, keys: &[Key]) -> anyhow::Result<()> {
    let actions = keys.iter().fold(KeyActions::new("keyboard".to_owned()), |actions, key| {
        let value = key.code();
        actions.then(KeyAction::Down { value }).then(KeyAction::Up { value })
    });
    client.perform_actions(actions).await?;
    Ok(())
}
