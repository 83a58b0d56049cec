//! Assets compiled into the binary, served under `/assets/`.

use axum::{Router, response::IntoResponse, routing::get};
use http::{HeaderValue, header};

/// One asset.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// The route, such as `/assets/kakehashi.css`.
    pub path: &'static str,
    /// The media type.
    pub media_type: &'static str,
    /// The bytes.
    pub bytes: &'static [u8],
}

/// The assets every page needs.
pub const SHARED: [Asset; 3] = [
    Asset {
        path: "/assets/design-tokens.css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../../assets/design-tokens.css"),
    },
    Asset {
        path: "/assets/kakehashi.css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../../assets/kakehashi.css"),
    },
    Asset {
        path: "/assets/icon.svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("../../assets/icon.svg"),
    },
];

/// Serves the shared assets and a component's own.
pub fn router<S: Clone + Send + Sync + 'static>(own: &[Asset]) -> Router<S> {
    SHARED.iter().chain(own).fold(Router::new(), |router, asset| {
        let asset = *asset;
        router.route(
            asset.path,
            get(move || async move {
                let media = HeaderValue::from_static(asset.media_type);
                let cache = HeaderValue::from_static("private, max-age=300");
                let headers = [(header::CONTENT_TYPE, media), (header::CACHE_CONTROL, cache)];
                (headers, asset.bytes).into_response()
            }),
        )
    })
}
