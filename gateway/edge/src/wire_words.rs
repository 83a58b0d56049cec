//! What is said about a request that breaks HTTP: one text for each code, with what to do. Whoever reads
//! it is most likely the person who set up the sending software.

const SOFTWARE: [&str; 2] = [
    "送信するソフトウェアを最新の版にして、もう一度お試しください。\n\
                 続くときは、理由コードを添えてソフトウェアの開発元に照会してください。",
    "Update the sending software and try again.\n\
                 If it stays, ask its maker and quote the reason code.",
];
const PROXY: [&str; 2] = [
    "途中に中継（プロキシ）があるときは、通さずに直接接続してください。\n\
                 続くときは、理由コードを添えて、送信するソフトウェアの開発元に照会してください。",
    "If there is a proxy in between, connect without it.\n\
                 If it stays, ask the maker of the sending software and quote the reason code.",
];
const COOKIES: [&str; 2] = [
    "ブラウザーのときは、このサイトの Cookie を消してから開き直してください。\n\
                 ソフトウェアのときは、送るヘッダーを減らしてください。",
    "In a browser, delete this site's cookies and open it again.\n\
                 In a program, send fewer headers.",
];
const NETWORK: [&str; 2] = [
    "通信状態を確認し、もう一度送信してください。\n\
                 続くときは、理由コードを添えて運用窓口に連絡してください。",
    "Check the network and send again.\n\
                 If it stays, call the service desk with the reason code.",
];
const RESTART: [&str; 2] = [
    "ブラウザーやソフトウェアを終了し、しばらくしてから接続し直してください。\n\
                 続くときは、理由コードを添えて運用窓口に連絡してください。",
    "Close the browser or program, wait a little and connect again.\n\
                 If it stays, call the service desk with the reason code.",
];

/// Answers title and remedy, in Japanese and English; for a code that nobody foresaw a general text.
#[expect(clippy::too_many_lines, reason = "one table, complete at a glance")]
pub(crate) fn of(code: &str) -> ([&'static str; 2], [&'static str; 2]) {
    match code {
        "wire-request-line" => (
            [
                "要求の一行目が HTTP の形式ではありません",
                "the first line of the request is not HTTP",
            ],
            SOFTWARE,
        ),
        "wire-method" => (["使えない操作（メソッド）です", "the method is not accepted"], SOFTWARE),
        "wire-version" => (
            [
                "HTTP/1.1 または HTTP/2 で接続してください",
                "only HTTP/1.1 and HTTP/2 are spoken here",
            ],
            PROXY,
        ),
        "wire-target" => {
            (["要求先の書き方が正しくありません", "the target of the request is malformed"], PROXY)
        }
        "wire-line-end" => {
            (["要求の改行の形式が正しくありません", "a line of the request ends wrongly"], SOFTWARE)
        }
        "wire-control-character" => {
            (["要求のヘッダーに制御文字があります", "the header has a control character"], SOFTWARE)
        }
        "wire-fold" => (
            ["要求のヘッダーが途中で折り返されています", "a header is folded over several lines"],
            SOFTWARE,
        ),
        "wire-field-name" => (
            ["要求のヘッダーの名前が正しくありません", "the name of a header is malformed"],
            SOFTWARE,
        ),
        "wire-fields-many" => {
            (["要求のヘッダーの数が多すぎます", "the request has too many headers"], COOKIES)
        }
        "wire-head-long" => {
            (["要求のヘッダーが長すぎます", "the header of the request is too large"], COOKIES)
        }
        "h2-head-long" => (
            [
                "要求のヘッダーが長すぎます（HTTP/2）",
                "the header of the request is too large (HTTP/2)",
            ],
            COOKIES,
        ),
        "wire-length-conflict" => (
            [
                "送信データの長さが二通りに書かれています",
                "the length of the body is given in two ways",
            ],
            SOFTWARE,
        ),
        "wire-length-malformed" => (
            ["送信データの長さの書き方が正しくありません", "the length of the body is malformed"],
            SOFTWARE,
        ),
        "wire-encoding" => (
            [
                "送信データの区切り方（Transfer-Encoding）が使えません",
                "the transfer encoding is not accepted",
            ],
            SOFTWARE,
        ),
        "wire-expectation" => (
            ["その事前確認（Expect）には応じられません", "the expectation is not met here"],
            SOFTWARE,
        ),
        "wire-upgrade" => {
            (["通信方式の切り替え（Upgrade）はできません", "no upgrade is possible here"], PROXY)
        }
        "wire-chunk" => {
            (["送信データの区切りが正しくありません", "a chunk of the body is malformed"], NETWORK)
        }
        "wire-trailer" => {
            (["送信データの後ろにヘッダーは付けられません", "trailers are not accepted"], SOFTWARE)
        }
        "wire-broken" => (["要求を読み取れませんでした", "the request could not be read"], NETWORK),
        "h2-reset-flood" => (
            [
                "要求の取り消しが多すぎるため、接続を終えました",
                "closed, because too many requests were cancelled",
            ],
            RESTART,
        ),
        "h2-continuation-flood" => (
            ["要求のヘッダーが細かく分けられすぎています", "the header came in too many pieces"],
            SOFTWARE,
        ),
        "h2-ping-flood" => (
            [
                "応答の確認（PING）が多すぎるため、接続を終えました",
                "closed, because of too many pings",
            ],
            RESTART,
        ),
        "h2-settings-flood" => (
            [
                "設定の変更が多すぎるため、接続を終えました",
                "closed, because settings changed too often",
            ],
            RESTART,
        ),
        "h2-priority-flood" => (
            [
                "優先順位の変更が多すぎるため、接続を終えました",
                "closed, because priorities changed too often",
            ],
            RESTART,
        ),
        "h2-window-update-flood" => (
            [
                "受信枠の更新が多すぎるため、接続を終えました",
                "closed, because of too many window updates",
            ],
            RESTART,
        ),
        "h2-empty-data-flood" => (
            [
                "空のデータが多すぎるため、接続を終えました",
                "closed, because of too much empty data",
            ],
            RESTART,
        ),
        "h2-small-data-flood" => (
            ["送信データが細かく分けられすぎています", "the body came in too many small pieces"],
            RESTART,
        ),
        "h2-unknown-frame-flood" => (
            [
                "不明な通信が多すぎるため、接続を終えました",
                "closed, because of too many unknown frames",
            ],
            RESTART,
        ),
        _ => (["HTTP の形式が正しくありません", "the request is not well-formed HTTP"], SOFTWARE),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::of;

    /// Where the codes are given out.
    const SOURCES: [&str; 4] = [
        include_str!("wire/head.rs"),
        include_str!("wire/http1.rs"),
        include_str!("wire/http2.rs"),
        include_str!("wire/pulse.rs"),
    ];

    #[test]
    fn every_code_of_the_wire_has_a_text_of_its_own() {
        let quoted = SOURCES.iter().flat_map(|source| source.split('"'));
        let is_code = |text: &&str| {
            let is_plain = |byte: u8| byte.is_ascii_lowercase() || matches!(byte, b'-' | b'2');
            ["wire-", "h2-"].iter().any(|kind| text.starts_with(kind)) && text.bytes().all(is_plain)
        };
        let codes: BTreeSet<&str> = quoted.filter(is_code).collect();
        assert!(codes.len() >= 25, "{codes:?}");
        let general = of("-").0[0];
        let mut titles = BTreeMap::new();
        for code in codes {
            let (title, remedy) = of(code);
            assert_ne!(title[0], general, "{code} has no text");
            if let Some(other) = titles.insert(title[0], code) {
                panic!("{code} and {other} are told alike");
            }
            assert!(!remedy[0].is_ascii() && title[1].is_ascii() && remedy[1].is_ascii(), "{code}");
        }
    }
}
