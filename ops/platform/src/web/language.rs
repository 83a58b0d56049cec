//! Japanese first, English by switch: `?lang=en` once, then a cookie remembers.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::{header, request::Parts};

/// The language of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// 日本語.
    #[default]
    Ja,
    /// English.
    En,
}

impl Language {
    /// Picks one of two texts.
    pub const fn pick<'a>(self, ja: &'a str, en: &'a str) -> &'a str {
        match self {
            Self::Ja => ja,
            Self::En => en,
        }
    }

    /// The tag in `<html lang>` and in the cookie.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }

    fn from_tag(tag: &str) -> Option<Self> {
        match tag {
            "ja" => Some(Self::Ja),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// Reads the language of a request: the query first, then the cookie, else Japanese.
    pub fn of(parts: &Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        let asked = query.split('&').find_map(|pair| pair.strip_prefix("lang="));
        asked
            .and_then(Self::from_tag)
            .or_else(|| cookie(&parts.headers, "lang").and_then(Self::from_tag))
            .unwrap_or_default()
    }
}

/// Answers the value of a cookie.
pub fn cookie<'a>(headers: &'a http::HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().split_once('=').filter(|(key, _)| *key == name))
        .map(|(_, value)| value)
}

impl<S: Sync> FromRequestParts<S> for Language {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uri: &str, cookie: &str) -> Language {
        let request = http::Request::builder().uri(uri).header("cookie", cookie).body(()).unwrap();
        Language::of(&request.into_parts().0)
    }

    #[test]
    fn the_query_wins_over_the_cookie_and_japanese_is_the_default() {
        assert_eq!(of("/", ""), Language::Ja);
        assert_eq!(of("/", "a=b; lang=en"), Language::En);
        assert_eq!(of("/?x=1&lang=ja", "lang=en"), Language::Ja);
        assert_eq!(of("/?lang=xx", ""), Language::Ja);
    }
}
