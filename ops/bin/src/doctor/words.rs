//! What is said about a finding: Japanese first, English beside it.

use rustls::AlertDescription;

use super::check::{Check, Step, Text};

/// Found in Japanese, found in English, remedy in Japanese, remedy in English.
pub(super) type Words = (&'static str, &'static str, &'static str, &'static str);

/// Makes a failed check of fixed words.
pub(super) fn failed(step: Step, code: &'static str, words: &Words) -> Check {
    Check::failed(step, code, Text::new(words.0, words.1), text(words))
}

/// Answers the remedy.
pub(super) fn text(words: &Words) -> Text {
    Text::new(words.2, words.3)
}

pub(super) const FILE_MISSING: Words = (
    "ファイルがありません",
    "no such file",
    "パスの綴りを確かめてください。証明書は運用窓口から配布されます。",
    "Check the path. Certificates come from the operator.",
);
pub(super) const FILE_PERMISSION: Words = (
    "読む権限がありません",
    "permission denied",
    "このファイルの所有者として実行するか、所有者を変えてください（chown）。",
    "Run this as the owner of the file, or change its owner (chown).",
);
pub(super) const FILE_UNREADABLE: Words = (
    "読めません",
    "cannot be read",
    "正しいファイルか確かめ、配布されたものを入れ直してください。",
    "Make sure it is the right file; put the one you were given in place again.",
);
pub(super) const CERTIFICATE_PEM: Words = (
    "PEM 形式の証明書が入っていません",
    "holds no certificate in PEM",
    "「-----BEGIN CERTIFICATE-----」で始まるファイルを指定してください。.p12 は --bundle で指定します。",
    "Give a file that begins with -----BEGIN CERTIFICATE-----. For a .p12 use --bundle.",
);
pub(super) const KEY_PEM: Words = (
    "使える秘密鍵（PEM）が入っていません",
    "holds no usable private key in PEM",
    "証明書と一緒に配布された鍵ファイルを --key に指定してください。",
    "Give the key file that came with the certificate as --key.",
);
pub(super) const KEY_ENCRYPTED: Words = (
    "秘密鍵がパスワードで暗号化されています",
    "the private key is encrypted",
    "openssl pkey -in 鍵 -out 新しい鍵 で暗号化を外すか、.p12 を --bundle で指定してください。",
    "Decrypt it with openssl pkey -in KEY -out NEWKEY, or give a .p12 as --bundle.",
);
pub(super) const KEY_MISMATCH: Words = (
    "証明書と秘密鍵が組になっていません",
    "certificate and private key do not belong together",
    "更新のときに片方だけ入れ替えていないか確かめ、同じ回に配布された2つを指定してください。",
    "Perhaps only one of them was renewed. Give two that were issued together.",
);
pub(super) const BUNDLE_PASSWORD: Words = (
    "パスワードが違います",
    "wrong password",
    "配布時に知らされたパスワードを確かめてください（全角・半角、大文字・小文字）。",
    "Check the password you were given (width and case of letters).",
);
pub(super) const BUNDLE_UNREADABLE: Words = (
    "PKCS#12（.p12）として読めません",
    "is no readable PKCS#12 bundle",
    "ファイルが途中で切れていないか確かめ、もう一度受け取ってください。",
    "The file may be cut off; ask for it again.",
);
pub(super) const EXPIRED: Words = (
    "端末の証明書の有効期限が切れています",
    "the client certificate has expired",
    "この端末の日付が正しければ、運用窓口へ再発行を依頼してください。",
    "If this machine's date is right, ask the operator for a new certificate.",
);
pub(super) const NOT_YET_VALID: Words = (
    "端末の証明書の有効期間がまだ始まっていません",
    "the client certificate is not valid yet",
    "この端末の日付と時刻が遅れていないか確かめてください。正しければ、有効期間の開始を待ってください。",
    "This machine's clock may be slow. If it is right, wait until the certificate begins.",
);
pub(super) const RENEW: Words = (
    "",
    "",
    "期限の前に更新してください（運用窓口へ連絡）。期限を過ぎると接続できません。",
    "Renew it in time (ask the operator); after that date no connection is possible.",
);
pub(super) const CHAIN: Words = (
    "",
    "",
    "端末の証明書、発行者の証明書の順に1つのファイルへ入れてください（配布されたままのファイルを使う）。",
    "Put the client certificate first and its issuer's after it (use the file as it was issued).",
);
pub(super) const ROOT: Words = (
    "認証局の証明書として使えません",
    "cannot be used as a root certificate",
    "運用窓口が配布したルート証明書（root.pem）を --root に指定してください。",
    "Give the root certificate the operator published (root.pem) as --root.",
);
pub(super) const PROFILE: Words = (
    "架け橋の端末証明書ではありません",
    "not a client certificate of Kakehashi",
    "架け橋用に発行された証明書か確かめてください。ほかの用途（メール、電子署名など）の証明書は使えません。",
    "Use the certificate that was issued for Kakehashi; those for mail or signatures do not work.",
);

pub(super) const DNS_UNKNOWN: Words = (
    "接続先の名前が見つかりません",
    "the host name does not resolve",
    "アドレスの綴り、ネットワーク接続、DNS サーバーの設定を確かめてください。専用回線の名前は、その回線の DNS か hosts ファイルでしか引けません。",
    "Check the spelling, the network, and the DNS server. Names of a closed network resolve only there or in the hosts file.",
);
pub(super) const DNS_TIMEOUT: Words = (
    "DNS サーバーが応答しません",
    "the DNS server does not answer",
    "ネットワーク接続と DNS サーバーの設定（/etc/resolv.conf）を確かめてください。",
    "Check the network and the DNS server's address (/etc/resolv.conf).",
);
pub(super) const TCP_REFUSED: Words = (
    "接続を拒否されました",
    "the connection was refused",
    "ポート番号を確かめてください。正しければ、相手が停止中か、途中の機器が拒否しています。運用窓口へ照会してください。",
    "Check the port. If it is right, the gateway is down or something on the way refuses; ask the operator.",
);
pub(super) const TCP_TIMEOUT: Words = (
    "応答がありません",
    "no answer",
    "ファイアウォールがこの宛先とポートへの通信を止めている場合に多い症状です。ネットワーク管理者へ、このアドレスとポートへの直接の通信（TCP）の許可を依頼してください。",
    "Most often a firewall drops this. Ask the network administrator to permit direct TCP to this address and port.",
);
pub(super) const TCP_UNREACHABLE: Words = (
    "ネットワークが届いていません",
    "the network is unreachable",
    "ケーブル・無線・VPN・専用回線の接続と、経路の設定を確かめてください。",
    "Check cable, wireless, VPN or line, and the route.",
);
pub(super) const TCP_FORBIDDEN: Words = (
    "この端末の設定が通信を止めました",
    "this machine forbids the connection",
    "端末のファイアウォールやセキュリティ製品で、このアドレスとポートを許可してください。",
    "Permit this address and port in this machine's firewall or security software.",
);
pub(super) const TCP_OTHER: Words = (
    "接続できません",
    "cannot connect",
    "ネットワークの状態を確かめてください。続くときは、この結果を添えて運用窓口へ照会してください。",
    "Check the network. If it goes on, send this result to the operator.",
);
pub(super) const PROXY: Words = (
    "",
    "",
    "この確認はプロキシを通しません。ブラウザーがプロキシを通す設定のときは、この接続先を例外に加えてください。",
    "This check goes direct. If the browser uses a proxy, add this host to its exceptions.",
);

pub(super) const TLS_INTERCEPTED: Words = (
    "",
    "",
    "発行者がセキュリティ製品・プロキシ・社内の認証局の名前なら、途中の機器が暗号を解いています（TLS検査）。この接続先を検査の対象外にするよう、ネットワーク管理者へ依頼してください。発行者が Kakehashi なら、--root を最新のものにしてください。",
    "If the issuer is security software, a proxy or your own company, something on the way opens the encryption: ask for an exception for this host. If it is Kakehashi, get the current --root.",
);
pub(super) const TLS_NAME: Words = (
    "サーバー証明書が、この接続先の名前のものではありません",
    "the server certificate is not for this name",
    "案内された名前（IP アドレスではなく）で接続しているか確かめてください。hosts や DNS が別の機器を指している場合もあります。",
    "Connect by the name you were told, not by an address; DNS or hosts may point at another machine.",
);
pub(super) const TLS_SERVER_EXPIRED: Words = (
    "サーバー証明書の有効期限が切れています",
    "the server certificate has expired",
    "この端末の日付と時刻が進んでいないか確かめてください。正しければ運用窓口へ連絡してください。",
    "This machine's clock may be fast. If it is right, tell the operator.",
);
pub(super) const TLS_SERVER_NOT_YET: Words = (
    "サーバー証明書の有効期間がまだ始まっていません",
    "the server certificate is not valid yet",
    "この端末の日付と時刻が遅れています。時刻の自動設定を有効にしてください（timedatectl set-ntp true）。",
    "This machine's clock is slow. Switch automatic time on (timedatectl set-ntp true).",
);
pub(super) const TLS_SERVER_BAD: Words = (
    "サーバー証明書を受け入れられません",
    "the server certificate is not acceptable",
    "この結果を添えて運用窓口へ照会してください。",
    "Send this result to the operator.",
);
pub(super) const TLS_NOT_SPOKEN: Words = (
    "相手は TLS で応答していません",
    "the other side does not speak TLS",
    "ポート番号を確かめてください。途中のプロキシや認証画面が応答している場合もあります。",
    "Check the port. A proxy or a sign-in page on the way may be answering instead.",
);
pub(super) const TLS_CLOSED: Words = (
    "暗号通信の途中で切断されました",
    "the connection was cut during the handshake",
    "途中のファイアウォールやセキュリティ製品が通信を切っている可能性があります。ネットワーク管理者へ確認してください。続くときは運用窓口へ。",
    "A firewall or security product on the way may cut it; ask the network administrator, then the operator.",
);
pub(super) const TLS_TIMEOUT: Words = (
    "暗号通信が時間内に始まりません",
    "the handshake takes too long",
    "回線の混雑か、途中の機器が大きな通信を止めています（MTU、TLS検査）。ネットワーク管理者へ確認してください。",
    "The line is slow or something drops larger packets (MTU, inspection); ask the network administrator.",
);
pub(super) const TLS_INCOMPATIBLE: Words = (
    "暗号方式が合いません",
    "no protocol or cipher in common",
    "途中の機器が TLS 1.3 を妨げていないか、ネットワーク管理者へ確認してください。",
    "Ask the network administrator whether something on the way hinders TLS 1.3.",
);
pub(super) const TLS_OLD: Words = (
    "",
    "",
    "TLS 1.3 で通信できるよう、途中の機器の設定を確かめてください。",
    "See that nothing on the way hinders TLS 1.3.",
);

pub(super) const CERTIFICATE_CLOSED: Words = (
    "証明書を送ったあと、理由なしに切断されました",
    "cut without a reason after the certificate was sent",
    "もう一度試し、続くときはこの結果を添えて運用窓口へ照会してください（接続制限の可能性があります）。",
    "Try again; if it goes on, send this result to the operator (connections may be limited).",
);
pub(super) const NO_ANSWER: Words = (
    "ゲートウェイが応答しません",
    "the gateway does not answer",
    "しばらくしてから試してください。続くときは運用窓口へ照会してください。",
    "Try again later; if it goes on, ask the operator.",
);
pub(super) const NOT_THE_GATEWAY: Words = (
    "架け橋のゲートウェイの応答ではありません",
    "this is not the answer of a Kakehashi gateway",
    "接続先のアドレスを確かめてください。合っていれば、ゲートウェイの版が古い可能性があります。",
    "Check the address. If it is right, the gateway may be of an older version.",
);
pub(super) const CLOCK: Words = (
    "",
    "",
    "時刻の自動設定を有効にしてください（Linux: timedatectl set-ntp true、Windows: 設定→時刻と言語→今すぐ同期）。ずれが大きいと、証明書が期限切れや期間前と判断されます。",
    "Switch automatic time on (Linux: timedatectl set-ntp true; Windows: Settings, Time & language, Sync now). With a wrong clock certificates seem expired or not yet valid.",
);
pub(super) const SUSPENDED: Words = (
    "この機関の利用は停止されています",
    "this organisation is suspended",
    "運用窓口へ照会してください。証明書や端末の設定では解決しません。",
    "Ask the operator; nothing on this machine will help.",
);
pub(super) const OUT_OF_HOURS: Words = (
    "いまは利用時間の外です",
    "outside the permitted hours",
    "利用できる時間に、もう一度試してください。",
    "Try again within the permitted hours.",
);
pub(super) const NO_WAY: Words = (
    "この証明書で使える機能がありません",
    "this certificate may use nothing here",
    "接続先（ポート）が、証明書の区分のものか確かめてください。",
    "Check that address and port are those of the certificate's zone.",
);
pub(super) const SERVICE_DOWN: Words = (
    "",
    "",
    "接続は正常です。サービスの復旧を待ってください。",
    "The connection is fine; wait until the service is back.",
);

/// What the gateway's alert says about the certificate shown to it; `None` for other alerts.
pub(super) fn alert(alert: AlertDescription) -> Option<(&'static str, &'static Words)> {
    const REQUIRED: Words = (
        "ゲートウェイは証明書を受け取っていません",
        "the gateway received no certificate",
        "証明書と鍵を指定してください。途中の機器が証明書を取り除いている場合は、TLS検査の対象外にしてください。",
        "Give certificate and key. If something on the way removes it, ask for an exception from inspection.",
    );
    const UNKNOWN_CA: Words = (
        "証明書の発行者が、この接続先では認められていません",
        "the certificate's issuer is not accepted here",
        "別の区分（自治体・指定医・電子化）の接続先へつないでいないか、アドレスとポートを確かめてください。合っていれば、証明書の再発行を運用窓口へ依頼してください。",
        "This may be the address or port of another zone. If not, ask the operator for a new certificate.",
    );
    const GATEWAY_EXPIRED: Words = (
        "ゲートウェイは、証明書の期限が切れていると判断しました",
        "the gateway says that the certificate has expired",
        "この端末の日付と時刻を確かめ、正しければ運用窓口へ再発行を依頼してください。",
        "Check this machine's clock; if it is right, ask the operator for a new certificate.",
    );
    const REVOKED: Words = (
        "この証明書は失効しています",
        "this certificate has been revoked",
        "再び有効にはできません。運用窓口へ連絡し、新しい証明書を受け取ってください。",
        "It cannot be made valid again. Ask the operator for a new one.",
    );
    const BAD: Words = (
        "ゲートウェイは、この証明書を受け入れませんでした",
        "the gateway does not accept this certificate",
        "架け橋用に発行された証明書か確かめ、この結果を添えて運用窓口へ照会してください。",
        "Make sure it is the one issued for Kakehashi, and send this result to the operator.",
    );
    const WRONG_USE: Words = (
        "この証明書は、端末の認証に使えるものではありません",
        "this certificate is not for client authentication",
        "架け橋用に発行された端末の証明書を使ってください。",
        "Use the client certificate that was issued for Kakehashi.",
    );
    const UNPROVEN: Words = (
        "証明書に対応する秘密鍵の証明ができませんでした",
        "the private key could not prove itself",
        "証明書と鍵の組を確かめてください。途中の機器が通信を書き換えている可能性もあります。",
        "Check that certificate and key belong together; something on the way may alter the traffic.",
    );
    Some(match alert {
        AlertDescription::CertificateRequired => ("certificate-required", &REQUIRED),
        AlertDescription::UnknownCA => ("certificate-unknown-issuer", &UNKNOWN_CA),
        AlertDescription::CertificateExpired => ("certificate-expired", &GATEWAY_EXPIRED),
        AlertDescription::CertificateRevoked => ("certificate-revoked", &REVOKED),
        AlertDescription::UnsupportedCertificate => ("certificate-key-usage", &WRONG_USE),
        AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown
        | AlertDescription::AccessDenied => ("certificate-refused", &BAD),
        AlertDescription::DecryptError => ("certificate-unproven", &UNPROVEN),
        _ => return None,
    })
}
