//! What is said to whoever shows a certificate that is refused: one text for each code, with what to do.
//!
//! The codes are those of the certificate profile and of the handshake; which of them reaches a page is
//! not decided here.

const ISSUE_AGAIN: [&str; 2] = [
    "証明書がいくつかあるときは、ブラウザーをすべて閉じて開き直し、架け橋のために配布されたものを選んでください。\n\
                 配布されたものを選んでいるときは、発行し直しが必要です。理由コードを添えて運用窓口に連絡してください。",
    "If you have several, close the browser completely and choose the one you were given for Kakehashi.\n\
                 If that is the one, it has to be issued again: call the service desk with the reason code.",
];
const CHOOSE_USERS: [&str; 2] = [
    "証明書がいくつかあるときは、ブラウザーをすべて閉じて開き直し、利用者用のものを選んでください。\n\
                 それでも同じときは、理由コードを添えて運用窓口に連絡してください。",
    "If you have several, close the browser completely and choose the one for users.\n\
                 If it stays, call the service desk with the reason code.",
];
const USE_AS_GIVEN: [&str; 2] = [
    "証明書を取り込み直すときは、配布されたファイルを加工せず、そのまま使ってください。\n\
                 別の証明書や中間証明書を書き足していないか確かめてください。\n\
                 それでも同じときは、理由コードを添えて運用窓口に連絡してください。",
    "When you install the certificate again, use the file exactly as you were given it.\n\
                 Make sure that no other certificate was added to it.\n\
                 If it stays, call the service desk with the reason code.",
];
const NOT_YOUR_FAULT: [&str; 2] = [
    "お使いの証明書や端末の故障ではありません。\n\
                 しばらくしてからもう一度お試しください。続くときは、運用窓口に連絡してください。",
    "Neither your certificate nor your device is at fault.\n\
                 Please try again later; if it lasts, call the service desk.",
];

/// What is said about a certificate that is refused: title and remedy, in Japanese and English. Every
/// code has a text of its own; one that nobody foresaw at least this: the certificate does not fit.
#[expect(clippy::too_many_lines, reason = "one table, complete at a glance")]
pub(crate) fn of(code: &str) -> ([&'static str; 2], [&'static str; 2]) {
    match code {
        "certificate-expired" => (
            ["証明書の有効期限が切れています", "your certificate has expired"],
            [
                "新しい証明書がこの端末にあるときは、ブラウザーをすべて閉じて開き直し、新しい証明書を選んでください。\n\
                 ないときは、更新手順書の「期限が切れた証明書の更新」に従って申請してください。\n\
                 わからないときは、下の番号を添えて運用窓口に連絡してください。",
                "If this device has a newer certificate, close the browser completely and choose that one.\n\
                 If not, apply for renewal as the procedure for expired certificates says.\n\
                 If in doubt, call the service desk.",
            ],
        ),
        "certificate-not-yet-valid" => (
            ["証明書の有効期間がまだ始まっていません", "your certificate is not valid yet"],
            [
                "下の有効期間を確認し、始まってからお使いください。\n\
                 始まっているはずのときは、この端末の時計が下の日時と合っているか確かめてください。\n\
                 時計も合っているときは、運用窓口に連絡してください。",
                "Wait until its validity begins.\n\
                 If it should have begun, compare this device's clock with the time below.\n\
                 If the clock is right too, call the service desk.",
            ],
        ),
        "certificate-revoked" => (
            ["この証明書は失効しています", "your certificate has been revoked"],
            [
                "この証明書はもう使えません。選び直しても同じです。\n\
                 新しい証明書を受け取っているときは、ブラウザーをすべて閉じて開き直し、そちらを選んでください。\n\
                 失効に心当たりがないときは、すぐに運用窓口に連絡してください。",
                "This certificate cannot be used any more.\n\
                 If you were given a new one, close the browser completely and choose that one.\n\
                 If you do not know why, call the service desk at once.",
            ],
        ),
        "certificate-other-zone" => (
            ["この証明書は、別の接続先のものです", "your certificate is for another address"],
            [
                "アドレスを確認してください。指定医DB・自治体DB・電子化の接続先は、それぞれ別です。\n\
                 証明書がいくつかあるときは、ブラウザーをすべて閉じて開き直し、正しいものを選んでください。\n\
                 わからないときは、運用窓口に連絡してください。",
                "Check the address: doctors, municipalities and the contractor each have their own.\n\
                 If you have several certificates, close the browser completely and choose the right one.\n\
                 If in doubt, call the service desk.",
            ],
        ),
        "revocation-stale" => (
            [
                "証明書の失効情報が古いため、接続を止めています",
                "closed, because the revocation list is out of date",
            ],
            NOT_YOUR_FAULT,
        ),
        "revocation-unknown" => (
            [
                "証明書の失効情報を確認できないため、接続を止めています",
                "closed, because certificates cannot be checked at present",
            ],
            NOT_YOUR_FAULT,
        ),
        "certificate-unknown-issuer" => (
            [
                "この証明書は、ここで使える発行者のものではありません",
                "your certificate was issued by somebody else",
            ],
            [
                "ブラウザーをすべて閉じて開き直し、架け橋のために配布された証明書を選んでください。\n\
                 それでも同じときは、運用窓口に連絡してください。",
                "Close the browser completely and choose the certificate you were given for Kakehashi.\n\
                 If it stays, call the service desk.",
            ],
        ),
        "certificate-bad-signature" => (
            [
                "証明書の署名が、発行局のものと合いません",
                "the signature of your certificate is not its authority's",
            ],
            USE_AS_GIVEN,
        ),
        "certificate-missing" => (
            ["証明書が示されませんでした", "no certificate was shown"],
            [
                "配布された証明書をこの端末に取り込み、ブラウザーをすべて閉じて開き直してください。\n\
                 証明書を選ぶ画面が出たら、配布された証明書を選んでください。\n\
                 わからないときは、運用窓口に連絡してください。",
                "Install the certificate you were given, close the browser completely and open it again.\n\
                 When asked for a certificate, choose that one.\nIf in doubt, call the service desk.",
            ],
        ),
        "certificate-authority-expired" => (
            [
                "証明書の発行局の期限が切れているため、接続を止めています",
                "closed, because the authority that issued your certificate has expired",
            ],
            [
                "お使いの証明書や端末の故障ではありません。\n\
                 運用窓口に連絡してください。",
                "Neither your certificate nor your device is at fault.\nPlease call the service desk.",
            ],
        ),
        "certificate-authority-revoked" => (
            [
                "証明書の発行局が失効したため、接続を止めています",
                "closed, because the authority that issued your certificate has been revoked",
            ],
            [
                "この証明書はもう使えません。新しい発行局の証明書が必要です。\n\
                 新しい証明書を受け取っているときは、ブラウザーをすべて閉じて開き直し、そちらを選んでください。\n\
                 受け取っていないときは、運用窓口に連絡してください。",
                "This certificate cannot be used any more: you need one of the new authority.\n\
                 If you were given one, close the browser completely and choose that one.\n\
                 If not, please call the service desk.",
            ],
        ),
        "certificate-unreadable" => {
            (["証明書を読み取れません", "your certificate cannot be read"], USE_AS_GIVEN)
        }
        "certificate-oversized" => {
            (["証明書が大きすぎます", "your certificate is too large"], ISSUE_AGAIN)
        }
        "certificate-chain-oversized" => (
            [
                "証明書と一緒に送られた証明書が多すぎるか、大きすぎます",
                "too many or too large certificates came with yours",
            ],
            USE_AS_GIVEN,
        ),
        "certificate-chain-malformed" => (
            [
                "証明書から発行局までのつながりが正しくありません",
                "the chain from your certificate to its authority is malformed",
            ],
            USE_AS_GIVEN,
        ),
        "certificate-version" => (
            ["証明書の形式が古すぎます", "your certificate is of an outdated version"],
            ISSUE_AGAIN,
        ),
        "certificate-serial" => (
            [
                "証明書のシリアル番号が決まりに合っていません",
                "the serial number of your certificate breaks the rules",
            ],
            ISSUE_AGAIN,
        ),
        "certificate-validity-too-long" => (
            [
                "証明書の有効期間が、認められている長さを超えています",
                "your certificate is valid for longer than permitted",
            ],
            ISSUE_AGAIN,
        ),
        "certificate-key-weak" => (
            ["証明書の鍵が弱いため、使えません", "the key of your certificate is too weak"],
            ISSUE_AGAIN,
        ),
        "certificate-hash-weak" => (
            [
                "証明書の署名の方式が弱いため、使えません",
                "your certificate was signed with a weak algorithm",
            ],
            ISSUE_AGAIN,
        ),
        "certificate-extension-unknown" => (
            [
                "証明書に、架け橋が知らない必須の項目があります",
                "your certificate has a critical extension that Kakehashi does not know",
            ],
            ISSUE_AGAIN,
        ),
        "certificate-extension-doubled" => (
            ["証明書に同じ項目が二つあります", "your certificate has an extension twice"],
            ISSUE_AGAIN,
        ),
        "certificate-no-signing" => (
            [
                "この証明書の鍵は、接続の署名に使えません",
                "the key of your certificate may not sign",
            ],
            CHOOSE_USERS,
        ),
        "certificate-key-usage" => (
            ["この証明書は、利用者の証明書ではありません", "your certificate is not one for users"],
            CHOOSE_USERS,
        ),
        "certificate-any-purpose" => (
            [
                "この証明書は、用途が限られていないため使えません",
                "your certificate is not limited to its purpose",
            ],
            CHOOSE_USERS,
        ),
        "certificate-ca-as-leaf" => (
            [
                "これは発行局の証明書で、利用者の証明書ではありません",
                "this is the certificate of an authority, not of a user",
            ],
            CHOOSE_USERS,
        ),
        "certificate-policy-missing" => (
            [
                "証明書に、架け橋の発行方針が書かれていません",
                "your certificate does not name the policy of Kakehashi",
            ],
            ISSUE_AGAIN,
        ),
        "certificate-uri-missing" => (
            [
                "証明書に、機関と端末の名前がありません",
                "your certificate does not name its organisation and device",
            ],
            ISSUE_AGAIN,
        ),
        "certificate-uri-doubled" => (
            [
                "証明書に、機関と端末の名前が二つあります",
                "your certificate names its organisation and device twice",
            ],
            ISSUE_AGAIN,
        ),
        "certificate-uri-malformed" => (
            [
                "証明書の、機関と端末の名前の書き方が違います",
                "your certificate names its organisation and device in a wrong form",
            ],
            ISSUE_AGAIN,
        ),
        "certificate-name-doubled" => (
            [
                "証明書に、同じ種類の名前が二つあります",
                "your certificate has a name of one kind twice",
            ],
            ISSUE_AGAIN,
        ),
        "certificate-name-malformed" => (
            [
                "証明書の名前に、使えない文字があります",
                "a name in your certificate has characters that are not permitted",
            ],
            ISSUE_AGAIN,
        ),
        "certificate-name-constraint" => (
            [
                "この発行局は、その名前の証明書を発行できません",
                "the authority of your certificate may not issue for its name",
            ],
            ISSUE_AGAIN,
        ),
        "certificate-role-misplaced" => (
            [
                "証明書の役割は、その区分では使えません",
                "the role in your certificate does not exist in its zone",
            ],
            ISSUE_AGAIN,
        ),
        "certificate-refused" => (
            [
                "この証明書は、架け橋の証明書として確認できません",
                "your certificate cannot be verified as one of Kakehashi",
            ],
            ISSUE_AGAIN,
        ),
        "server-name-unknown" => (
            ["この名前の接続先はありません", "there is no service of this name here"],
            [
                "アドレスの綴りを確認してください。お知らせに書かれた名前をそのまま入力してください。\n\
                 番号（IP アドレス）ではなく、名前で接続してください。\n\
                 それでも同じときは、名前を引く設定（DNS または hosts ファイル）を管理者に確認してください。",
                "Check the spelling of the address; type the name exactly as you were told.\n\
                 Connect by name, not by number.\n\
                 If it stays, ask your administrator about DNS or the hosts file.",
            ],
        ),
        _ => (
            [
                "このクライアント証明書では接続できません",
                "this client certificate is not accepted here",
            ],
            [
                "接続先と証明書の組み合わせを確認してください。\n\
                 それでも同じときは、理由コードを添えて運用窓口に連絡してください。",
                "Check that the certificate belongs to this address.\n\
                 If it stays, call the service desk with the reason code.",
            ],
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::of;

    /// Where the codes are given out.
    const SOURCES: [&str; 7] = [
        include_str!("../../../schemas/contract/src/identity.rs"),
        include_str!("../../../schemas/contract/src/profile.rs"),
        include_str!("../../../ops/platform/src/mtls/authority.rs"),
        include_str!("../../../ops/platform/src/mtls/code.rs"),
        include_str!("../../../ops/platform/src/mtls/verifier.rs"),
        include_str!("identify.rs"),
        include_str!("accept.rs"),
    ];

    fn codes() -> BTreeSet<&'static str> {
        let quoted = SOURCES.iter().flat_map(|source| source.split('"'));
        let is_code = |text: &&str| {
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
            ["certificate-", "revocation-", "server-name-"]
                .iter()
                .any(|kind| text.starts_with(kind))
                && text.bytes().all(is_plain)
        };
        quoted.filter(is_code).collect()
    }

    #[test]
    fn every_code_about_a_certificate_has_a_text_of_its_own() {
        let codes = codes();
        assert!(codes.len() >= 30, "{codes:?}");
        let general = of("-").0[0];
        let mut titles = BTreeMap::new();
        for code in codes {
            let (title, remedy) = of(code);
            assert_ne!(title[0], general, "{code} has no text");
            if let Some(other) = titles.insert(title[0], code) {
                panic!("{code} and {other} are told alike");
            }
            for text in [title[0], remedy[0]] {
                let is_japanese = |letter: char| ('\u{3041}'..='\u{9fff}').contains(&letter);
                assert!(text.chars().any(is_japanese), "{code}: {text}");
            }
            assert!(title[1].is_ascii() && remedy[1].is_ascii(), "{code}");
        }
    }

    #[test]
    fn a_code_that_nobody_sends_has_no_text() {
        let general = of("-").0[0];
        let table = include_str!("certificate_words.rs").split_once("mod tests").unwrap().0;
        let codes = codes();
        for text in table.split('"').filter(|text| of(text).0[0] != general) {
            assert!(codes.contains(text), "{text} is sent by nobody");
        }
    }
}
