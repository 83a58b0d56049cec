//! One-time enrolment codes, and the envelope in which a device sends its request with one.
//!
//! A code is 25 letters: 5 that name the enrolment (they may be said aloud) and 20 that are secret (100
//! random bits). The CA keeps neither these nor a digest of them, but the public half of an Ed25519 key
//! whose seed is an HMAC of the code. The device signs its request with that key: the code itself need
//! not travel with the request, and who intercepts the envelope cannot put another request in it.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use kakehashi_kernel::Sensitive;
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::{
    PkiError, Serials, SigningRequest,
    envelope::{self, Version},
};

/// Letters that nobody confuses (Crockford's base 32): no I, L, O or U.
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const GROUP: usize = 5;
const CODE_LETTERS: usize = 25;
const SEED: &[u8] = b"kakehashi enrolment code, version 1";
const PROOF: &[u8] = b"kakehashi enrolment request, version 1\0";

/// A one-time code.
#[derive(Debug, Clone)]
pub struct EnrolmentCode {
    id: String,
    all: Sensitive<String>,
}

/// The text is no code: letters are missing, or there are others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code is five groups of five letters or digits, such as 7K2QD-…")]
pub struct InvalidCode;

impl EnrolmentCode {
    /// Draws a code.
    ///
    /// # Errors
    ///
    /// [`PkiError::Random`].
    pub(super) fn draw(serials: &dyn Serials) -> Result<Self, PkiError> {
        // Each byte gives one letter of 5 bits, all equally likely.
        let bytes = [serials.draw()?, serials.draw()?].concat();
        let letters = bytes.iter().take(CODE_LETTERS);
        let all: String = letters.map(|byte| char::from(LETTERS[usize::from(byte % 32)])).collect();
        Ok(Self { id: all.chars().take(GROUP).collect(), all: Sensitive::new(all) })
    }

    /// Reads a code as people type it: any case, with or without hyphens and spaces, O for 0, I or L for 1.
    ///
    /// # Errors
    ///
    /// [`InvalidCode`].
    pub fn parse(text: &str) -> Result<Self, InvalidCode> {
        let mut all = String::with_capacity(CODE_LETTERS);
        for letter in text.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            let letter = match letter.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            if !letter.is_ascii() || !LETTERS.contains(&(letter as u8)) {
                return Err(InvalidCode);
            }
            all.push(letter);
            if all.len() > CODE_LETTERS {
                return Err(InvalidCode);
            }
        }
        if all.len() != CODE_LETTERS {
            return Err(InvalidCode);
        }
        Ok(Self { id: all.chars().take(GROUP).collect(), all: Sensitive::new(all) })
    }

    /// Answers the part that names the enrolment.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Shows the whole code, in groups. For the device's operator alone.
    pub fn reveal(&self) -> String {
        let letters = self.all.expose().as_bytes();
        let groups: Vec<&str> =
            letters.chunks(GROUP).filter_map(|group| std::str::from_utf8(group).ok()).collect();
        groups.join("-")
    }

    /// The public key by which the CA will know the code.
    pub(super) fn verifier(&self) -> Result<String, PkiError> {
        Ok(hex::encode(self.key()?.public_key().as_ref()))
    }

    fn key(&self) -> Result<Ed25519KeyPair, PkiError> {
        let mut mac = Hmac::<Sha256>::new_from_slice(SEED).expect("HMAC takes a key of any length");
        mac.update(self.all.expose().as_bytes());
        Ed25519KeyPair::from_seed_unchecked(&mac.finalize().into_bytes())
            .map_err(|_| PkiError::Random)
    }

    /// Signs a device's request with the code.
    ///
    /// # Errors
    ///
    /// [`PkiError::Request`] when the request is none.
    pub fn envelope(&self, request_pem: &str) -> Result<EnrolmentEnvelope, PkiError> {
        let request = SigningRequest::parse(request_pem.as_bytes())?;
        let proof = self.key()?.sign(&[PROOF, request.der()].concat());
        Ok(EnrolmentEnvelope {
            kind: Kind::KakehashiEnrolment,
            version: Version,
            enrolment: self.id.clone(),
            request: request_pem.to_owned(),
            proof: STANDARD.encode(proof.as_ref()),
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    KakehashiEnrolment,
}

/// A device's request, signed with its one-time code. JSON; nothing in it is secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentEnvelope {
    kind: Kind,
    version: Version,
    enrolment: String,
    request: String,
    proof: String,
}

impl EnrolmentEnvelope {
    /// Reads an envelope. Its proof is checked when it is used.
    ///
    /// # Errors
    ///
    /// [`PkiError::Envelope`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PkiError> {
        envelope::parse(bytes)
    }

    /// Writes it as a file.
    pub fn to_json(&self) -> String {
        envelope::to_json(self)
    }

    /// Answers the enrolment it is for.
    pub fn enrolment(&self) -> &str {
        &self.enrolment
    }

    pub(super) fn request(&self) -> Result<SigningRequest, PkiError> {
        Ok(SigningRequest::parse(self.request.as_bytes())?)
    }

    /// Whether it was signed with the code behind `verifier`.
    pub(super) fn is_proven(&self, request: &SigningRequest, verifier: &str) -> bool {
        let (Ok(key), Ok(proof)) = (hex::decode(verifier), STANDARD.decode(&self.proof)) else {
            return false;
        };
        let message = [PROOF, request.der()].concat();
        UnparsedPublicKey::new(&ED25519, key).verify(&message, &proof).is_ok()
    }
}
