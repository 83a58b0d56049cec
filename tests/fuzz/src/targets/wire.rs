//! What the gateway reads before it knows more of a stranger than a certificate: HTTP byte by byte, headers,
//! hosts, the first message of TLS. The readers are private to it; `kakehashi_edge::fuzz` is the door.

use kakehashi_edge::fuzz;

use crate::Target;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// HTTP/1.1: what passes is the same however it is cut, and passes again.
pub(super) const HTTP1: Target = Target {
    name: "http1",
    run: fuzz::http1,
    samples: || {
        let get = "GET /scans/1?a=b HTTP/1.1\r\nHost: gate.example\r\nAccept: */*\r\n\r\n";
        let post = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
        let chunked = "POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
                       5\r\nhello\r\n0A\r\n0123456789\r\n0\r\n\r\n";
        let all =
            [get.to_owned(), post.to_owned(), chunked.to_owned(), [chunked, get, post].concat()];
        all.map(String::into_bytes).to_vec()
    },
    words: &[
        "\r\n",
        "\n",
        "\r",
        ": ",
        " ",
        "\t",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "HTTP/1.0",
        "Host: y\r\n",
        "Content-Length: 5\r\n",
        "Content-Length: +5\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Upgrade: h2c\r\n",
        "Expect: 100-continue\r\n",
        "0\r\n\r\n",
        "5;a=b\r\n",
        "0\r\nX: y\r\n\r\n",
        "OPTIONS * ",
        "https://x/",
    ],
    bytes_max: 3 * 1024,
};

/// HTTP/2: the count of frames is the same however they are cut.
pub(super) const HTTP2: Target = Target {
    name: "http2",
    run: fuzz::http2,
    samples: || {
        let frame = |kind: u8, flags: u8, payload: &[u8]| {
            let length = u32::try_from(payload.len()).unwrap_or(0).to_be_bytes();
            [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
        };
        let request = [PREFACE, &frame(4, 0, &[]), &frame(1, 5, &[0x82, 0x87]), &frame(0, 1, b"x")];
        let floods =
            [(6, 8), (4, 0), (2, 5), (3, 4), (8, 4), (9, 3), (0xbb, 1)].map(|(kind, length)| {
                [PREFACE, &frame(1, 0, &[0x82]), &frame(kind, 0, &vec![0; length]).repeat(2)]
                    .concat()
            });
        [vec![request.concat()], floods.to_vec()].concat()
    },
    words: &[
        "\0\0\u{4}\u{3}\0\0\0\0\u{1}\0\0\0\0",
        "\0\0\u{8}\u{6}\0\0\0\0\0",
        "\0\0\0\u{4}\0\0\0\0\0",
        "\0\0\0\0\0\0\0\0\u{1}",
        "\0\0\u{1}\u{9}\0\0\0\0\u{1}x",
        "\0\u{4}\0\u{1}\0\0\0\0\u{1}",
    ],
    bytes_max: 3 * 1024,
};

/// Headers: nothing that tells who somebody is survives, whatever its spelling.
pub(super) const HEADERS: Target = Target {
    name: "headers",
    run: fuzz::headers,
    samples: || {
        vec![
            b"accept: */*\ncookie: a=1\ncookie: b=2\nconnection: x-hop\nx-hop: 1\nte: trailers"
                .to_vec(),
            b"Client-Cert: :AA==:\nclient_cert: x\nX-Forwarded_For: 1\nKAKEHASHI-Who: me".to_vec(),
        ]
    },
    words: &[
        "client-cert",
        "Client_Cert",
        "client-cert-chain",
        "kakehashi-",
        "KAKEHASHI_",
        "x-forwarded-for",
        "X_Forwarded_Client_Cert",
        "x-real-ip",
        "remote_user",
        "ssl-client-",
        "x-ssl-",
        "forwarded",
        "connection: ",
        "cookie: ",
        "_",
        "-",
        "\n",
        ": ",
        ", ",
        "upgrade",
        "transfer-encoding",
        "x-original-",
    ],
    bytes_max: 2 * 1024,
};

/// Target, `Host` and the name of the handshake: one host, ours, or none.
pub(super) const HOST: Target = Target {
    name: "host",
    run: fuzz::request_host,
    samples: || {
        vec![
            b"/\ngate.example:443\n\ngate.example".to_vec(),
            b"https://localhost:8443/\nlocalhost:8443\n\nlocalhost".to_vec(),
            b"https://localhost/\n\nlocalhost".to_vec(),
            b"/\n[::1]:443".to_vec(),
        ]
    },
    words: &[
        "gate.example",
        "LOCALHOST",
        ":443",
        ":",
        "@",
        "[::1]",
        "https://",
        "/",
        ".",
        "\n",
        "\n\n",
        "%2e",
    ],
    bytes_max: 1024,
};

/// The first message of TLS: one fingerprint however it is cut.
pub(super) const HELLO: Target = Target {
    name: "hello",
    run: fuzz::hello,
    samples: || vec![HELLO_SAMPLE.to_vec()],
    words: &[
        "\u{16}\u{3}\u{1}",
        "\0\0",
        "\0\u{a}",
        "\0\u{d}",
        "\0\u{2b}",
        "\u{13}\u{1}",
        "gate.example",
        "\u{a}\u{a}",
    ],
    bytes_max: 4 * 1024,
};

/// A client hello for `gate.example`: TLS 1.3 and 1.2, AES-GCM, X25519 and P-256, ECDSA and RSA-PSS.
const HELLO_SAMPLE: &[u8] = include_bytes!("hello.bin");

/// A certificate that is refused: what is told of it.
pub(super) const NOTE: Target = Target {
    name: "note",
    run: fuzz::note,
    samples: || vec![super::gateway::certificate()],
    words: &[
        "\u{2}\u{1}",
        "\u{6}\u{3}U\u{4}\u{3}",
        "\u{c}\u{4}",
        "\u{1e}\u{4}",
        "\u{17}\u{d}",
        "0\u{82}",
        "\u{2}\u{81}",
    ],
    bytes_max: 8 * 1024,
};
