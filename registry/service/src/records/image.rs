//! One page image of a scan's record.

use axum::{
    extract::{Path, State},
    http::header,
    response::{IntoResponse, Response},
};
use kakehashi_contract::{PageImage, objects};
use kakehashi_kernel::{RecordId, ScanId, Sha256Digest};

use super::find;
use crate::{
    accounts::SignedIn, error::RegistryError, problem, registry::Registry, store::record::Origin,
};

/// `GET /records/{record}/pages/{page}`: a PNG whose digest was verified.
pub(crate) async fn show(
    State(registry): State<Registry>,
    who: SignedIn,
    Path((record, page)): Path<(String, String)>,
) -> Result<Response, RegistryError> {
    let (Ok(record), Ok(number)) = (record.parse::<RecordId>(), page.parse::<u32>()) else {
        return Ok(problem::not_found());
    };
    let mut tx = registry.database.write().await?;
    let detail = format!("page {number}");
    let found = find(&registry, &mut tx, &who, record, "record.page", &detail).await?;
    tx.commit().await.map_err(RegistryError::from)?;
    let image = found.and_then(|(row, _)| image_of(&row.origin, number));
    let Some((scan, image)) = image else { return Ok(problem::not_found()) };
    let key = objects::page(scan, number);
    let bytes = registry.vault.get(key.clone()).await?;
    if Sha256Digest::of(&bytes) != image.digest {
        return Err(RegistryError::WrongDigest { key });
    }
    Ok(([(header::CONTENT_TYPE, "image/png")], bytes).into_response())
}

fn image_of(origin: &Origin, number: u32) -> Option<(ScanId, PageImage)> {
    match origin {
        Origin::Scan { scan, pages, .. } => {
            let page = pages.iter().find(|page| page.number == number)?;
            Some((*scan, *page))
        }
        Origin::Online { .. } => None,
    }
}
