//! Errors of ingest as problem documents. The only file here that knows HTTP status codes.

use axum::response::{IntoResponse, Response};
use kakehashi_contract::Problem;
use kakehashi_ingest_core::DeclarationError;
use kakehashi_platform::{runtime::worker::chain, web::ProblemResponse};

use crate::receive::{ProtocolError, ReceiveError};

impl IntoResponse for ReceiveError {
    fn into_response(self) -> Response {
        let problem = match &self {
            Self::Protocol(error) => protocol(*error),
            Self::Declaration(error) => declaration(*error),
            Self::TooManyOpen => Problem::new(429, "too-many-uploads", "未完了の送信が多すぎます")
                .with_remedy("途中の送信を完了するか取り消してから、もう一度送ってください。"),
            Self::NotFound => return ProblemResponse::not_found().into_response(),
            Self::OffsetConflict { offset } => {
                Problem::new(409, "offset-conflict", "送信の続きの位置が合いません")
                    .with_remedy(format!("{offset} バイト目から送ってください。"))
            }
            Self::TooLong => Problem::new(413, "too-long", "宣言より長いデータが届きました")
                .with_remedy("ファイルを選び直して、最初から送ってください。"),
            Self::DigestMismatch => {
                Problem::new(460, "checksum-mismatch", "送信中にデータが変わりました")
                    .with_remedy("何も保存していません。もう一度送ってください。")
            }
            Self::Locked => Problem::new(423, "locked", "同じファイルを別の画面から送信中です")
                .with_remedy("しばらく待ってから続けてください。"),
            Self::Interrupted => Problem::new(408, "interrupted", "送信が途中で切れました")
                .with_remedy("届いた分は保存されています。続きから送ってください。"),
            Self::Blob(error) if error.is_full() => {
                tracing::error!(error = chain(&self), "object store is full");
                return ProblemResponse::storage_full().into_response();
            }
            Self::Blob(_) | Self::Database(_) => {
                tracing::error!(error = chain(&self), "request failed");
                return ProblemResponse::failure().into_response();
            }
        };
        ProblemResponse(problem).into_response()
    }
}

fn protocol(error: ProtocolError) -> Problem {
    match error {
        // tus 1.0, section "Tus-Resumable".
        ProtocolError::Version => {
            Problem::new(412, "tus-version", "Tus-Resumable は 1.0.0 だけに対応しています")
        }
        ProtocolError::MediaType => {
            Problem::new(415, "media-type", "Content-Type が正しくありません")
                .with_remedy("application/offset+octet-stream を指定してください。")
        }
        ProtocolError::Header(name) => {
            Problem::new(400, "header", "要求の見出しが正しくありません")
                .with_remedy(format!("{name} を確かめてください。"))
        }
    }
}

fn declaration(error: DeclarationError) -> Problem {
    match error {
        DeclarationError::LengthMissing => {
            Problem::new(400, "length-missing", "Upload-Length がないか、数字ではありません")
        }
        DeclarationError::Empty => {
            Problem::new(400, "empty", "ファイルが空です").with_remedy("スキャンし直してください。")
        }
        DeclarationError::TooLarge => Problem::new(413, "too-large", "ファイルが大きすぎます")
            .with_remedy("64MBまでです。白黒200dpiでスキャンし直すか、1件ずつに分けてください。"),
        DeclarationError::MetadataMalformed => {
            Problem::new(400, "metadata-malformed", "Upload-Metadata の形式が正しくありません")
        }
        DeclarationError::MetadataValue(key) => {
            Problem::new(400, "metadata-value", "Upload-Metadata の値を使えません")
                .with_remedy(format!("項目 {key} を確かめてください。"))
        }
    }
}

/// A device that is not a municipality's.
pub(crate) fn not_a_municipality() -> ProblemResponse {
    ProblemResponse::forbidden("この端末の証明書ではこの画面を使えません")
}

/// A scan that cannot be withdrawn any more.
pub(crate) fn too_late() -> ProblemResponse {
    ProblemResponse(
        Problem::new(409, "too-late", "この書類はもう取り下げられません")
            .with_remedy("電子化が終わっています。登録後の取扱いは運営主体にご連絡ください。"),
    )
}
