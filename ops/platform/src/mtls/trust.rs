//! A listener's certificate, client CAs and revocation lists, followed as one set.
//!
//! Whoever is connected is judged again with every new set, and at the moment its own certificate, its CA
//! or the revocation list ends.

use std::{sync::Arc, time::Duration};

use kakehashi_kernel::{Clock, Timestamp};
use rustls::{ServerConfig, ServerConnection};
use tokio::time::sleep;

use super::{
    Credential, Expiry, OcspFault, ServerTls, TlsError,
    authority::{ClientAuthority, authorities},
    code::certificate_code,
    follow::Followed,
    ocsp::Staple,
    root::{Root, roots},
    tls::{chain, check_validity, expiry, revocations, server_config},
    verifier::{Verdict, Verifier},
};

/// A clock may be put forward: no wait for an end is longer than this without a look at the clock.
const RECHECK_INTERVAL: Duration = Duration::from_mins(1);

/// What is trusted at present.
pub struct Current {
    /// What a new connection is accepted with.
    pub config: Arc<ServerConfig>,
    verifier: Arc<Verifier>,
    /// The roots that say which client CAs still count.
    roots: Vec<Root>,
    /// Of our own certificate.
    expiry: Option<Expiry>,
    /// What is shown beside it.
    staple: Staple,
}

/// One listener's trust.
pub struct Trust {
    set: Arc<Followed<Current>>,
    clock: Arc<dyn Clock>,
}

/// A client that was let in: proof that its certificate was judged and found good.
///
/// Nothing else makes one, so whoever asks for it to serve a client cannot serve another.
#[derive(Debug, Clone)]
pub struct Vouched {
    credential: Arc<Credential>,
    until: Timestamp,
    by: Arc<Verifier>,
}

impl Vouched {
    /// What the certificate says.
    pub fn credential(&self) -> &Arc<Credential> {
        &self.credential
    }
}

/// A client that finished its handshake and is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the client certificate is not trusted: {code}")]
pub struct Untrusted {
    /// A stable code for the audit trail and the problem type.
    pub code: &'static str,
}

impl Trust {
    /// Reads the files.
    ///
    /// # Errors
    ///
    /// [`TlsError`] naming the file.
    pub fn load(files: ServerTls, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let name = files.revocations.display().to_string();
        let mut paths = vec![
            files.server.chain.clone(),
            files.server.key.clone(),
            files.client_authority.clone(),
            files.revocations.clone(),
        ];
        if let Some(root) = &files.root {
            paths.extend([root.certificate.clone(), root.revocations.clone()]);
        }
        paths.extend(files.ocsp.clone());
        let time = Arc::clone(&clock);
        let read = move |old: Option<&Current>| read(&files, &time, old);
        Ok(Self { set: Arc::new(Followed::first(name, paths, Box::new(read))?), clock })
    }

    /// Answers what a new connection is accepted with.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.set.current().config)
    }

    /// The files behind it: to follow them, and how that has gone.
    pub const fn files(&self) -> &Arc<Followed<Current>> {
        &self.set
    }

    /// Why some client CA does not count at present: it, or a list, is too old. A CA that its root has
    /// revoked says something only if there is no other: it is meant not to count.
    pub fn closed(&self) -> Option<&'static str> {
        let (current, now) = (self.set.current(), self.clock.now());
        let all = current.verifier.authorities();
        let kept = || all.iter().filter(|authority| !authority.closes.is_revoked);
        if kept().next().is_none() {
            return all.first().and_then(|authority| authority.closes.reason(now));
        }
        kept().find_map(|authority| authority.closes.reason(now))
    }

    /// Everything of the listener that ends: its certificate, client CAs, roots, and their lists.
    pub fn expiries(&self) -> Vec<Expiry> {
        let current = self.set.current();
        let authorities = current.verifier.authorities().iter().map(|of| &of.expiries);
        let above = authorities.chain(current.roots.iter().map(|of| &of.expiries)).flatten();
        let answer = current.expiry.as_ref().and_then(|of| current.staple.expiry(of));
        current.expiry.iter().chain(above).cloned().chain(answer).collect()
    }

    /// What is wrong with the file of the OCSP answer, if anything.
    pub fn ocsp_fault(&self) -> Option<OcspFault> {
        self.set.current().staple.fault
    }

    /// Judges who finished a handshake, resumed or not, by the set now in force.
    ///
    /// # Errors
    ///
    /// [`Untrusted`] with the reason.
    pub fn settle(&self, connection: &ServerConnection) -> Result<Vouched, Untrusted> {
        let chain = connection.peer_certificates().unwrap_or_default();
        let Some((leaf, rest)) = chain.split_first() else {
            return Err(Untrusted { code: "certificate-missing" });
        };
        let verifier = Arc::clone(&self.set.current().verifier);
        match verifier.judge(leaf, rest, self.clock.now()) {
            Verdict::Good(credential, until) => Ok(Vouched { credential, until, by: verifier }),
            verdict => Err(untrusted(verdict)),
        }
    }

    /// Waits until somebody who was let in would be let in no longer, and answers why.
    pub async fn withdrawn(&self, vouched: Vouched) -> Untrusted {
        let Vouched { credential, mut until, by } = vouched;
        let mut sets = self.set.watch();
        let mut is_same_set = Arc::ptr_eq(&sets.borrow_and_update().verifier, &by);
        drop(by);
        loop {
            if is_same_set {
                let left = until.0.saturating_sub(self.clock.now().0).max(0).unsigned_abs();
                tokio::select! {
                    () = sleep(Duration::from_millis(left).min(RECHECK_INTERVAL)) => {}
                    changed = sets.changed() => if changed.is_err() {
                        std::future::pending::<()>().await;
                    },
                }
            }
            is_same_set = true;
            let verifier = Arc::clone(&sets.borrow_and_update().verifier);
            let Some((leaf, rest)) = credential.chain.split_first() else {
                return Untrusted { code: "certificate-missing" };
            };
            match verifier.judge(leaf, rest, self.clock.now()) {
                Verdict::Good(_, next) => until = next,
                verdict => return untrusted(verdict),
            }
        }
    }
}

fn untrusted(verdict: Verdict) -> Untrusted {
    let code = match verdict {
        Verdict::Ours(code, _) => code,
        Verdict::Strange(rustls::Error::InvalidCertificate(cause)) => certificate_code(&cause),
        Verdict::Strange(_) | Verdict::Good(..) => "certificate-refused",
    };
    Untrusted { code }
}

fn read(
    files: &ServerTls,
    clock: &Arc<dyn Clock>,
    old: Option<&Current>,
) -> Result<Current, TlsError> {
    let in_force: &[ClientAuthority] = old.map_or(&[], |old| old.verifier.authorities());
    let old_roots: &[Root] = old.map_or(&[], |old| &old.roots);
    let roots = match &files.root {
        Some(root) => {
            roots(&chain(&root.certificate)?, &revocations(&root.revocations)?, old_roots)?
        }
        None => Vec::new(),
    };
    let found = authorities(
        &chain(&files.client_authority)?,
        &revocations(&files.revocations)?,
        &roots,
        &files.rules,
        in_force,
    )?;
    let verifier = Arc::new(Verifier::new(found, files.rules.explains));
    let judging: Arc<Verifier> = Arc::clone(&verifier);
    let ours = chain(&files.server.chain)?;
    let (now, path) = (clock.now(), &files.server.chain);
    check_validity(path, &ours, now)?;
    let expiry = ours.first().and_then(|leaf| expiry(leaf));
    let staple = Staple::read(files.ocsp.as_ref(), &ours, now, old.map(|old| &old.staple));
    let config = server_config(files, ours, staple.answer.as_ref(), judging, clock)?;
    Ok(Current { config, verifier, roots, expiry, staple })
}
