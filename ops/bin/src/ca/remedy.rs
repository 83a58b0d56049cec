//! What an operator can do about a refusal, in Japanese.

use kakehashi_platform::pki::PkiError;

/// Adds the remedy to a refusal of the CA.
pub(super) fn add(error: anyhow::Error) -> anyhow::Error {
    let found = error.chain().find_map(|cause| cause.downcast_ref::<PkiError>());
    match found.and_then(remedy) {
        Some(remedy) => anyhow::anyhow!("{error:#}\n対処: {remedy}"),
        None => error,
    }
}

const fn remedy(error: &PkiError) -> Option<&'static str> {
    Some(match error {
        PkiError::KeyMissing { .. } => {
            "--ca の場所を確認してください。ルートの鍵が要るのは init-root、sign-zone と publish --only root だけです。"
        }
        PkiError::KeyTooOpen { .. } => {
            "鍵が他人に読まれた可能性を調べ、問題がなければ chmod 600 としてください。"
        }
        PkiError::PassphraseMissing { .. } => {
            "端末で実行するか、--passphrase-file を指定してください。"
        }
        PkiError::PassphraseWrong { .. } => "パスフレーズが違います。入力し直してください。",
        PkiError::Exists { .. } => {
            "既存の認証局は上書きされません。新しいフォルダーを指定してください。"
        }
        PkiError::InUse => "別の操作が終わってから、もう一度実行してください。",
        PkiError::Journal(_) | PkiError::JournalKey(_) => {
            "監査記録が改ざんされた疑いがあります。フォルダーを保全し、責任者に連絡してください。"
        }
        PkiError::JournalNewer => "新しい版の kakehashi を使ってください。",
        PkiError::NoProfile => "kakehashi ca profiles でゾーンと役割の組合せを確認してください。",
        PkiError::KeyNotAllowed { .. } | PkiError::Request(_) => {
            "端末で鍵と申請 (CSR) を作り直してください。"
        }
        PkiError::KeyUsedBefore => "端末で新しい鍵を作り、申請し直してください。",
        PkiError::TooLong { .. } => "--days を短くしてください。",
        PkiError::Lint(_) => {
            "発行内容に誤りがあります。名前、日数、プロファイルを確認してください。"
        }
        PkiError::Foreign | PkiError::Unknown | PkiError::RenewalForeign => {
            "この認証局が発行した証明書か、--ca の場所を確認してください。"
        }
        PkiError::CodeUnknown | PkiError::CodeWrong { .. } => {
            "コードを確認してください。続けて間違えると使えなくなります。"
        }
        PkiError::CodeExpired | PkiError::CodeClosed { .. } => {
            "kakehashi ca invite で新しいコードを作ってください。"
        }
        PkiError::RenewalNotValid { .. } | PkiError::RenewalDone => {
            "更新できません。invite と enrol で端末を登録し直してください。"
        }
        PkiError::RenewalEarly { .. } => "更新できる日まで待ってください。",
        PkiError::RenewalUnsigned | PkiError::Envelope => {
            "端末で申請ファイルを作り直してください。"
        }
        _ => return None,
    })
}
