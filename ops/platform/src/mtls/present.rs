//! What we show of ourselves: the certificate, and an OCSP answer about it as long as that holds.

use std::{fmt, sync::Arc};

use kakehashi_kernel::{Clock, Timestamp};
use rustls::{
    Error,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{ClientHello, ResolvesServerCert},
    sign::CertifiedKey,
};

use super::{crypto_provider, ocsp::Answer};

/// Our certificate with its key, looked up once in each full handshake.
pub(super) struct Presented {
    plain: Arc<CertifiedKey>,
    /// The same with an answer, and from when on no longer.
    stapled: Option<(Arc<CertifiedKey>, Timestamp)>,
    clock: Arc<dyn Clock>,
}

impl Presented {
    /// Puts certificate and key together; they must belong together.
    pub(super) fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        answer: Option<&Answer>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let plain = CertifiedKey::from_der(chain, key, &crypto_provider())?;
        let stapled = answer.map(|answer| {
            let mut key = plain.clone();
            key.ocsp = Some(answer.bytes.clone());
            (Arc::new(key), answer.until)
        });
        Ok(Self { plain: Arc::new(plain), stapled, clock })
    }
}

impl ResolvesServerCert for Presented {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let key = match &self.stapled {
            Some((key, until)) if self.clock.now() < *until => key,
            _ => &self.plain,
        };
        Some(Arc::clone(key))
    }
}

impl fmt::Debug for Presented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presented").finish_non_exhaustive()
    }
}
