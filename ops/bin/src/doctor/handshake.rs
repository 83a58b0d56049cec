//! Step 4: the TLS handshake, and what the gateway says of our certificate when it breaks it off.

use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kakehashi_kernel::Timestamp;
use kakehashi_platform::mtls::crypto_provider;
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, ProtocolVersion,
    SignatureScheme,
    client::{
        Resumption, VerifierBuilderError, WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, UnixTime},
    version::{TLS12, TLS13},
};
use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::{
    check::{Check, Step, Text},
    files::Credentials,
    words,
};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(15);
/// How long an alert may take at least; in TLS 1.3 it comes after our side is done.
const ALERT_PATIENCE: Duration = Duration::from_millis(200);
/// Days a server certificate should still be good for.
const SERVER_DAYS_MIN: i64 = 14;
const DAY_S: i64 = 86_400;

/// Shakes hands; answers the stream unless something blocks.
pub(super) async fn shake(
    stream: TcpStream,
    took: Duration,
    host: &str,
    credentials: &Credentials,
    now: Timestamp,
) -> (Vec<Check>, Option<TlsStream<TcpStream>>) {
    let Ok((config, witness)) = settings(credentials) else {
        return (vec![words::failed(Step::Tls, "root-unusable", &words::ROOT)], None);
    };
    let Ok(name) = ServerName::try_from(host.to_owned()) else {
        return (vec![words::failed(Step::Tls, "tls-name", &words::TLS_NAME)], None);
    };
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let mut stream = match timeout(HANDSHAKE_TIMEOUT, connecting).await {
        Err(_) => {
            return (vec![words::failed(Step::Tls, "tls-timeout", &words::TLS_TIMEOUT)], None);
        }
        Ok(Err(error)) => return (broken(&error, &witness), None),
        Ok(Ok(stream)) => stream,
    };
    let mut checks = agreed(&stream, &witness, now);
    // The gateway says nothing before it is asked: what comes now is an alert or the end.
    let patience = ALERT_PATIENCE.max(took * 3);
    let mut nothing = [0];
    match timeout(patience, stream.read(&mut nothing)).await {
        Err(_) => (checks, Some(stream)),
        Ok(read) => {
            checks.push(refused(read.err().as_ref()));
            (checks, None)
        }
    }
}

/// Answers what a connection that ended says about our certificate.
pub(super) fn refused(error: Option<&io::Error>) -> Check {
    let alert = error.and_then(|error| match inner(error) {
        Some(rustls::Error::AlertReceived(alert)) => Some(*alert),
        _ => None,
    });
    match alert.map(|alert| (alert, words::alert(alert))) {
        Some((_, Some((code, why)))) => words::failed(Step::Certificate, code, why),
        Some((alert, None)) => {
            let why = &words::CERTIFICATE_CLOSED;
            let found =
                Text::new(format!("{}（{alert:?}）", why.0), format!("{} ({alert:?})", why.1));
            Check::failed(Step::Certificate, "certificate-alert", found, words::text(why))
        }
        None => words::failed(Step::Certificate, "certificate-closed", &words::CERTIFICATE_CLOSED),
    }
}

fn inner(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}

fn settings(
    credentials: &Credentials,
) -> Result<(ClientConfig, Arc<Witness>), Box<dyn std::error::Error>> {
    let witness = Arc::new(Witness::new(credentials)?);
    let verifier: Arc<dyn ServerCertVerifier> = Arc::<Witness>::clone(&witness);
    let mut config = ClientConfig::builder_with_provider(crypto_provider())
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(credentials.chain.clone(), credentials.key.clone_key())?;
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((config, witness))
}

/// A handshake that did not finish.
fn broken(error: &io::Error, witness: &Witness) -> Vec<Check> {
    let fail = |code, why| vec![words::failed(Step::Tls, code, why)];
    match inner(error) {
        Some(rustls::Error::InvalidCertificate(why)) => vec![distrusted(why, witness)],
        Some(rustls::Error::AlertReceived(alert)) => {
            // TLS 1.2 refuses a client certificate within the handshake.
            if words::alert(*alert).is_some() && witness.issuer().is_some() {
                let found = Text::new("サーバーの証明書は正常", "the server's certificate is fine");
                return vec![Check::ok(Step::Tls, "tls-ok", found), refused(Some(error))];
            }
            match alert {
                AlertDescription::ProtocolVersion
                | AlertDescription::HandshakeFailure
                | AlertDescription::InsufficientSecurity => {
                    fail("tls-incompatible", &words::TLS_INCOMPATIBLE)
                }
                AlertDescription::UnrecognisedName => fail("tls-name", &words::TLS_NAME),
                _ => fail("tls-closed", &words::TLS_CLOSED),
            }
        }
        Some(rustls::Error::PeerIncompatible(_)) => {
            fail("tls-incompatible", &words::TLS_INCOMPATIBLE)
        }
        Some(_) => fail("tls-not-spoken", &words::TLS_NOT_SPOKEN),
        None => fail("tls-closed", &words::TLS_CLOSED),
    }
}

fn distrusted(error: &CertificateError, witness: &Witness) -> Check {
    use CertificateError as E;
    let (code, why) = match error {
        E::UnknownIssuer | E::BadSignature => {
            let issuer = witness.issuer().unwrap_or_else(|| "?".to_owned());
            let found = Text::new(
                format!("サーバー証明書の発行者を信頼できません：{issuer}"),
                format!("the server certificate's issuer is not trusted: {issuer}"),
            );
            let remedy = words::text(&words::TLS_INTERCEPTED);
            return Check::failed(Step::Tls, "tls-unknown-issuer", found, remedy);
        }
        E::NotValidForName | E::NotValidForNameContext { .. } => ("tls-name", &words::TLS_NAME),
        E::Expired | E::ExpiredContext { .. } => ("tls-server-expired", &words::TLS_SERVER_EXPIRED),
        E::NotValidYet | E::NotValidYetContext { .. } => {
            ("tls-server-not-yet-valid", &words::TLS_SERVER_NOT_YET)
        }
        _ => ("tls-server-certificate", &words::TLS_SERVER_BAD),
    };
    words::failed(Step::Tls, code, why)
}

/// What was agreed upon, and what of it wants attention.
fn agreed(stream: &TlsStream<TcpStream>, witness: &Witness, now: Timestamp) -> Vec<Check> {
    let connection = stream.get_ref().1;
    let version = connection.protocol_version();
    let version_shown = match version {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2".to_owned(),
        other => format!("{other:?}"),
    };
    let group = connection
        .negotiated_key_exchange_group()
        .map_or_else(String::new, |group| format!("{:?}", group.name()));
    let issuer = witness.issuer().unwrap_or_default();
    let found = Text::new(
        format!("{version_shown}、{group}、発行者 {issuer}"),
        format!("{version_shown}, {group}, issued by {issuer}"),
    );
    let mut checks = vec![Check::ok(Step::Tls, "tls-ok", found)];
    if version != Some(ProtocolVersion::TLSv1_3) {
        let found = Text::new("古い版の TLS です", "an older version of TLS");
        checks.push(Check::warning(Step::Tls, "tls-old", found, words::text(&words::TLS_OLD)));
    }
    if let Some(days) = witness.days_left(now)
        && days < SERVER_DAYS_MIN
    {
        let found = Text::new(
            format!("サーバー証明書の期限まで残り {days} 日です"),
            format!("the server certificate expires in {days} days"),
        );
        let remedy = Text::new(
            "運用窓口へ知らせてください（この端末ですることはありません）。",
            "Tell the operator; there is nothing to do on this machine.",
        );
        checks.push(Check::warning(Step::Tls, "tls-server-expires-soon", found, remedy));
    }
    checks
}

/// Verifies a server as every client of ours does, and remembers what it showed.
struct Witness {
    inner: Arc<WebPkiServerVerifier>,
    seen: Mutex<Option<CertificateDer<'static>>>,
}

impl Witness {
    fn new(credentials: &Credentials) -> Result<Self, VerifierBuilderError> {
        let roots = Arc::new(credentials.roots.clone());
        let inner =
            WebPkiServerVerifier::builder_with_provider(roots, crypto_provider()).build()?;
        Ok(Self { inner, seen: Mutex::default() })
    }

    fn look<T>(&self, ask: impl FnOnce(&X509Certificate<'_>) -> T) -> Option<T> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (_, certificate) = X509Certificate::from_der(seen.as_ref()?).ok()?;
        Some(ask(&certificate))
    }

    fn issuer(&self) -> Option<String> {
        self.look(|certificate| printable(&certificate.issuer().to_string()))
    }

    fn days_left(&self, now: Timestamp) -> Option<i64> {
        self.look(|certificate| {
            (certificate.validity().not_after.timestamp() - now.0 / 1000) / DAY_S
        })
    }
}

/// A stranger's text as it may go to a terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().filter(|sign| !sign.is_control()).take(200).collect()
}

impl fmt::Debug for Witness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Witness")
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(end_entity.clone().into_owned());
        self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
