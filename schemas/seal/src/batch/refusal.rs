//! Why a batch is not accepted. For people: what happened and what to do, in both languages.

use kakehashi_kernel::CivilDate;

use crate::age::AgeRefusal;

/// Why a batch is not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchRefusal {
    /// It does not decrypt.
    #[error(transparent)]
    Age(#[from] AgeRefusal),
    /// It decrypts, but is not `manifest.json`, `manifest.sig`, `batch.xml` in a tar.
    #[error("the file decrypts but is not a batch")]
    NotABatch,
    /// It is sealed in a newer format than this program knows.
    #[error("the batch has format {format}, which this program does not know")]
    NewerFormat {
        /// The format it has.
        format: u32,
    },
    /// The manifest is not one.
    #[error("the manifest of the batch cannot be read")]
    MalformedManifest,
    /// The sender is not known, or not with this key.
    #[error("the batch is signed by somebody unknown")]
    UnknownSender {
        /// The fingerprint of the key it is signed with.
        fingerprint: String,
    },
    /// The manifest is not what the sender signed.
    #[error("the manifest of the batch was changed")]
    ManifestChanged,
    /// It was checked with newer definitions than this program has.
    #[error(
        "the batch was checked with the definitions of {edition}, which this program does not have"
    )]
    NewerDefinitions {
        /// Their day.
        edition: CivilDate,
    },
    /// The forms are not those the manifest is about.
    #[error("the forms of the batch are not those of its manifest")]
    ContentChanged,
}

impl BatchRefusal {
    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Age(AgeRefusal::NotAge) => "not-age",
            Self::Age(AgeRefusal::Armoured) => "armoured",
            Self::Age(AgeRefusal::MalformedHeader) => "malformed-header",
            Self::Age(AgeRefusal::NotForUs) => "not-for-us",
            Self::Age(AgeRefusal::HeaderChanged) => "header-changed",
            Self::Age(AgeRefusal::CutOff) => "cut-off",
            Self::Age(AgeRefusal::Damaged) => "damaged",
            Self::NotABatch => "not-a-batch",
            Self::NewerFormat { .. } => "newer-format",
            Self::MalformedManifest => "malformed-manifest",
            Self::UnknownSender { .. } => "unknown-sender",
            Self::ManifestChanged => "manifest-changed",
            Self::NewerDefinitions { .. } => "newer-definitions",
            Self::ContentChanged => "content-changed",
        }
    }

    /// What happened and what to do, in Japanese.
    pub fn message_ja(&self) -> String {
        match self {
            Self::Age(AgeRefusal::NotAge) => {
                "age形式のファイルではありません。kakehashi-check sealで作ったファイルを指定してください。".into()
            }
            Self::Age(AgeRefusal::Armoured) => {
                "テキスト形式のageファイルです。-a（--armor）を付けずに作り直してください。".into()
            }
            Self::Age(AgeRefusal::MalformedHeader) => {
                "ファイルの先頭（ageヘッダー）が壊れています。もう一度送ってもらってください。".into()
            }
            Self::Age(AgeRefusal::NotForUs) => {
                "この鍵では開けません。別の宛先に暗号化されています。宛先の公開鍵を送信者に確認してください。".into()
            }
            Self::Age(AgeRefusal::HeaderChanged) => {
                "ファイルの先頭（ageヘッダー）が改変されています。もう一度送ってもらってください。".into()
            }
            Self::Age(AgeRefusal::CutOff) => {
                "ファイルが途中で切れています。送信が最後まで終わっているか確認し、もう一度送ってもらってください。".into()
            }
            Self::Age(AgeRefusal::Damaged) => {
                "ファイルが壊れているか、途中で切れているか、改変されています。もう一度送ってもらってください。".into()
            }
            Self::NotABatch => {
                "復号できましたが、バッチではありません。manifest.json、manifest.sig、batch.xmlの順のtarが必要です。".into()
            }
            Self::NewerFormat { format } => format!(
                "このプログラムが知らない新しい形式（{format}）です。kakehashi-checkを更新してください。"
            ),
            Self::MalformedManifest => {
                "送付票（manifest.json）が読めません。送信者にもう一度作ってもらってください。".into()
            }
            Self::UnknownSender { fingerprint } => format!(
                "登録されていない送信者または鍵です（鍵の指紋 {fingerprint}）。電話などで指紋を確認してから送信者一覧に加えてください。"
            ),
            Self::ManifestChanged => {
                "送付票（manifest.json）が署名と一致しません。改変されています。受け入れず、送信者に連絡してください。".into()
            }
            Self::NewerDefinitions { edition } => format!(
                "このプログラムより新しい様式定義（{edition}版）でチェックされています。kakehashi-checkを更新してください。"
            ),
            Self::ContentChanged => {
                "様式（batch.xml）が送付票と一致しません。改変されています。受け入れず、送信者に連絡してください。".into()
            }
        }
    }

    /// What happened and what to do, in English.
    pub fn message_en(&self) -> String {
        let remedy = match self {
            Self::Age(AgeRefusal::NotAge) => "Name a file made by kakehashi-check seal.",
            Self::Age(AgeRefusal::Armoured) => "Make it again without -a (--armor).",
            Self::Age(AgeRefusal::NotForUs) => "Ask the sender which public key it used.",
            Self::Age(
                AgeRefusal::MalformedHeader
                | AgeRefusal::HeaderChanged
                | AgeRefusal::CutOff
                | AgeRefusal::Damaged,
            ) => "Have it sent again.",
            Self::NotABatch => {
                "A tar of manifest.json, manifest.sig and batch.xml in this order is needed."
            }
            Self::NewerFormat { .. } | Self::NewerDefinitions { .. } => "Update kakehashi-check.",
            Self::MalformedManifest => "Have the sender make it again.",
            Self::UnknownSender { fingerprint } => {
                return format!(
                    "{self} (fingerprint {fingerprint}). Compare the fingerprint by telephone, \
                     then add the sender to the list."
                );
            }
            Self::ManifestChanged | Self::ContentChanged => {
                "Do not accept it; speak to the sender."
            }
        };
        format!("{self}. {remedy}")
    }
}
