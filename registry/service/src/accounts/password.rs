//! Passwords: argon2id with 19 MiB, two passes, one lane (OWASP's second choice, RFC 9106 form).

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use kakehashi_kernel::Sensitive;
use kakehashi_seal::Entropy;
use tokio::sync::Semaphore;

use crate::error::RegistryError;

const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;

/// Checked in place of the hash of an account that does not exist: the same parameters, so the same
/// work. Its digest is arbitrary; should a password fit it, the answer is no all the same.
const DECOY: &str = "$argon2id$v=19$m=19456,t=2,p=1$a2FrZWhhc2hpLWRlY295IQ\
                     $a2FrZWhhc2hpIGthcmUgZGVjb3kgbm8gcGFzc3dvcmQ";

/// Hashes and checks passwords, a few at a time.
pub(crate) struct Passwords {
    places: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new(parallel_max: u32) -> Self {
        let places = usize::try_from(parallel_max.clamp(1, 64)).unwrap_or(1);
        Self { places: Arc::new(Semaphore::new(places)) }
    }

    /// Answers the password's hash in the PHC string format, parameters included.
    pub(crate) async fn hash(
        &self,
        password: Sensitive<String>,
        entropy: &dyn Entropy,
    ) -> Result<String, RegistryError> {
        let salt = salt(entropy);
        self.work(move || hash(password.expose().as_bytes(), &salt)).await
    }

    /// Tells whether the password is the one of the hash. Without a hash the work is the same and the
    /// answer is no.
    pub(crate) async fn is_right(
        &self,
        password: Sensitive<String>,
        stored: Option<String>,
    ) -> Result<bool, RegistryError> {
        let is_known = stored.is_some();
        let stored = stored.unwrap_or_else(|| DECOY.to_owned());
        let is_right = self.work(move || verify(password.expose().as_bytes(), &stored)).await?;
        Ok(is_right && is_known)
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, RegistryError> {
        let place = Arc::clone(&self.places).acquire_owned().await;
        let place = place.map_err(|_| RegistryError::Hashing)?;
        tokio::task::spawn_blocking(move || {
            let answer = work();
            drop(place);
            answer
        })
        .await?
    }
}

fn salt(entropy: &dyn Entropy) -> [u8; SALT_BYTES] {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt);
    salt
}

fn argon2() -> Result<Argon2<'static>, RegistryError> {
    let params =
        Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| RegistryError::Hashing)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &[u8], salt: &[u8]) -> Result<String, RegistryError> {
    let hash = argon2()?.hash_password_with_salt(password, salt);
    hash.map(|hash: PasswordHash| hash.to_string()).map_err(|_| RegistryError::Hashing)
}

fn verify(password: &[u8], stored: &str) -> Result<bool, RegistryError> {
    let stored = PasswordHash::new(stored).map_err(|_| RegistryError::Hashing)?;
    Ok(argon2()?.verify_password(password, &stored).is_ok())
}

#[cfg(test)]
mod tests {
    use kakehashi_platform::runtime::SystemEntropy;

    use super::*;

    #[tokio::test]
    async fn a_hash_fits_its_password_only() {
        let passwords = Passwords::new(1);
        let password = || Sensitive::new("架け橋 password".to_owned());
        let stored = passwords.hash(password(), &SystemEntropy).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.is_right(password(), Some(stored.clone())).await.unwrap());
        let other = Sensitive::new("架け橋 passwore".to_owned());
        assert!(!passwords.is_right(other, Some(stored)).await.unwrap());
    }

    #[test]
    fn the_decoy_costs_what_a_real_hash_costs() {
        let decoy = PasswordHash::new(DECOY).unwrap();
        let real = hash(b"x", &[7; SALT_BYTES]).unwrap();
        let real = PasswordHash::new(&real).unwrap();
        assert_eq!(decoy.params, real.params);
        assert_eq!(decoy.hash.map(|hash| hash.len()), real.hash.map(|hash| hash.len()));
        assert_eq!(decoy.salt.map(|salt| salt.len()), real.salt.map(|salt| salt.len()));
    }

    #[tokio::test]
    async fn without_a_hash_the_answer_is_no() {
        let passwords = Passwords::new(1);
        let password = Sensitive::new("anything at all".to_owned());
        assert!(!passwords.is_right(password, None).await.unwrap());
    }
}
