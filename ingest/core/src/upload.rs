//! What an upload declares about itself (tus 1.0 `Upload-Metadata`), checked before a byte is taken.

use base64::{Engine, engine::general_purpose::STANDARD};
use kakehashi_contract::ApplicationKind;
use kakehashi_kernel::{FormKey, Sensitive, Sha256Digest, limits};

const METADATA_BYTES_MAX: usize = 4096;
const FILE_NAME_CHARS_MAX: usize = 255;

/// What the sender says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// Size in bytes, 1 to [`limits::SCAN_BYTES_MAX`].
    pub length: u64,
    /// `sha256`: digest of the whole file, verified when the last byte is there.
    pub sha256: Option<Sha256Digest>,
    /// `application`: `new` (the default) or `renewal`.
    pub application: ApplicationKind,
    /// `form`: used when the pages carry no readable barcode.
    pub form: Option<FormKey>,
    /// `filename`: shown back to the sender, kept sealed (it may hold a name).
    pub file_name: Option<Sensitive<String>>,
}

/// What is wrong with a declaration. The sender can mend it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DeclarationError {
    /// No `Upload-Length`, or not a number.
    #[error("Upload-Length is missing or not a number")]
    LengthMissing,
    /// Nothing to upload.
    #[error("the file is empty")]
    Empty,
    /// Larger than a scan may be.
    #[error("the file is larger than {} MiB", limits::SCAN_BYTES_MAX / 1024 / 1024)]
    TooLarge,
    /// The header is not `key base64, key base64`.
    #[error("Upload-Metadata is malformed")]
    MetadataMalformed,
    /// A known key has a value that does not parse.
    #[error("Upload-Metadata has an unusable value for {0}")]
    MetadataValue(&'static str),
}

impl Declaration {
    /// Reads the two headers. Unknown metadata keys are ignored, as tus asks.
    ///
    /// # Errors
    ///
    /// [`DeclarationError`] naming what to mend.
    pub fn read(length: Option<&str>, metadata: &str) -> Result<Self, DeclarationError> {
        let length: u64 =
            length.and_then(|text| text.parse().ok()).ok_or(DeclarationError::LengthMissing)?;
        if length == 0 {
            return Err(DeclarationError::Empty);
        }
        if length > limits::SCAN_BYTES_MAX {
            return Err(DeclarationError::TooLarge);
        }
        let mut declaration = Self {
            length,
            sha256: None,
            application: ApplicationKind::New,
            form: None,
            file_name: None,
        };
        if metadata.len() > METADATA_BYTES_MAX {
            return Err(DeclarationError::MetadataMalformed);
        }
        for pair in metadata.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
            declaration.take(key, &decode(value)?)?;
        }
        Ok(declaration)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), DeclarationError> {
        let unusable = DeclarationError::MetadataValue;
        match key {
            "sha256" => self.sha256 = Some(value.parse().map_err(|_| unusable("sha256"))?),
            "application" => {
                self.application = match value {
                    "new" => ApplicationKind::New,
                    "renewal" => ApplicationKind::Renewal,
                    _ => return Err(unusable("application")),
                }
            }
            "form" => self.form = Some(value.parse().map_err(|_| unusable("form"))?),
            "filename" => {
                let name: String = value.chars().take(FILE_NAME_CHARS_MAX).collect();
                self.file_name = Some(Sensitive::new(name));
            }
            _ => {}
        }
        Ok(())
    }
}

fn decode(value: &str) -> Result<String, DeclarationError> {
    let bytes = STANDARD.decode(value).map_err(|_| DeclarationError::MetadataMalformed)?;
    String::from_utf8(bytes).map_err(|_| DeclarationError::MetadataMalformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(key: &str, value: &str) -> String {
        format!("{key} {}", STANDARD.encode(value))
    }

    #[test]
    fn a_full_declaration_is_read() {
        let digest = Sha256Digest::of(b"scan");
        let metadata = [
            pair("filename", "山田太郎.pdf"),
            pair("sha256", &digest.to_string()),
            pair("application", "renewal"),
            pair("form", "nanbyo/0006-000/2403"),
            "relativePath".to_owned(),
        ]
        .join(",");
        let read = Declaration::read(Some("10"), &metadata).unwrap();
        assert_eq!(read.sha256, Some(digest));
        assert_eq!(read.application, ApplicationKind::Renewal);
        assert_eq!(read.form.unwrap().number, 6);
        assert!(!format!("{read:?}").contains("山田"));
    }

    #[track_caller]
    fn refused(length: Option<&str>, metadata: &str, expected: DeclarationError) {
        assert_eq!(Declaration::read(length, metadata), Err(expected));
    }

    #[test]
    fn odd_declarations_are_refused_by_name() {
        refused(None, "", DeclarationError::LengthMissing);
        refused(Some("-1"), "", DeclarationError::LengthMissing);
        refused(Some("0"), "", DeclarationError::Empty);
        refused(Some("999999999999"), "", DeclarationError::TooLarge);
        refused(Some("1"), "sha256 ###", DeclarationError::MetadataMalformed);
        refused(Some("1"), &pair("sha256", "abc"), DeclarationError::MetadataValue("sha256"));
        refused(
            Some("1"),
            &pair("application", "x"),
            DeclarationError::MetadataValue("application"),
        );
        refused(Some("1"), &"x".repeat(5000), DeclarationError::MetadataMalformed);
    }
}
