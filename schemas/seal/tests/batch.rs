//! Batches: sealed and opened again, and everything that must not open.
#![expect(clippy::unwrap_used, reason = "a test that cannot set itself up has failed")]

use std::sync::atomic::{AtomicU64, Ordering};

use kakehashi_kernel::{CivilDate, Sha256Digest};
use kakehashi_seal::{
    Entropy,
    age::{AgeOpener, AgeRefusal, AgeSealer, Identity},
    batch::{
        BATCH_FORMAT, BatchContent, BatchForms, BatchManifest, BatchOpener, BatchRefusal,
        BatchSealer, BatchTool, Definitions, KnownSender, KnownSenders, SealError, SenderKey,
    },
};
use proptest::prelude::*;

/// Different bytes every time; the same in every run.
#[derive(Default)]
struct Counted(AtomicU64);

impl Entropy for Counted {
    fn fill(&self, buffer: &mut [u8]) {
        let count = self.0.fetch_add(1, Ordering::Relaxed);
        let digest = Sha256Digest::of(&count.to_be_bytes());
        for (byte, drawn) in buffer.iter_mut().zip(digest.as_bytes().iter().cycle()) {
            *byte = *drawn;
        }
    }
}

struct Parties {
    entropy: Counted,
    registry: Identity,
    hospital: SenderKey,
    known: KnownSenders,
}

fn parties() -> Parties {
    let entropy = Counted::default();
    let registry = Identity::generate(&entropy);
    let hospital = SenderKey::generate(&entropy);
    let known = KnownSender { code: "1310000001".parse().unwrap(), key: hospital.public() };
    Parties { entropy, registry, hospital, known: [known].into_iter().collect() }
}

fn ours() -> Definitions {
    let edition = CivilDate::new(2026, 10, 1).unwrap();
    Definitions { edition, digest: Sha256Digest::of(b"definitions") }
}

fn manifest(parties: &Parties, content: &[u8]) -> BatchManifest {
    BatchManifest {
        format: BATCH_FORMAT,
        sender: "1310000001".parse().unwrap(),
        sender_key: parties.hospital.public(),
        created: "2026-11-23T00:00:00.000Z".to_owned(),
        tool: BatchTool { name: "kakehashi-check".to_owned(), version: "0.1.0".to_owned() },
        definitions: ours(),
        forms: vec![BatchForms { form: "nanbyo/0006-000/2403".to_owned(), count: 1 }],
        forms_count: 1,
        forms_digest: Sha256Digest::of(b"forms"),
        left_out: 0,
        content: BatchContent { bytes: content.len() as u64, digest: Sha256Digest::of(content) },
    }
}

fn seal(parties: &Parties, manifest: &BatchManifest, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let recipients = [parties.registry.recipient()];
    let (key, entropy) = (&parties.hospital, &parties.entropy);
    let mut sealer =
        BatchSealer::new(manifest, key, &recipients, 1_700_000_000, entropy, &mut out).unwrap();
    for piece in content.chunks(10_000) {
        sealer.seal(piece, &mut out).unwrap();
    }
    sealer.finish(&mut out).unwrap();
    out
}

fn open(parties: &Parties, sealed: &[u8], piece: usize) -> Result<Vec<u8>, BatchRefusal> {
    let mut content = Vec::new();
    let identities = vec![parties.registry.clone()];
    let mut opener = BatchOpener::new(identities, parties.known.clone(), ours());
    for bytes in sealed.chunks(piece) {
        opener.push(bytes, &mut content)?;
    }
    opener.finish(&mut content)?;
    Ok(content)
}

/// The tar inside, for changing it.
fn tar_of(parties: &Parties, sealed: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    let mut opener = AgeOpener::new(vec![parties.registry.clone()]);
    opener.push(sealed, &mut tar).unwrap();
    opener.finish(&mut tar).unwrap();
    tar
}

/// Anybody who has the registry's public key can do this.
fn encrypt(parties: &Parties, tar: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let recipients = [parties.registry.recipient()];
    let mut sealer = AgeSealer::new(&recipients, &parties.entropy, &mut out).unwrap();
    sealer.seal(tar, &mut out);
    sealer.finish(&mut out);
    out
}

fn replace(tar: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "the archive must stay whole");
    let place = tar.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    let mut changed = tar.to_vec();
    changed[place..place + to.len()].copy_from_slice(to.as_bytes());
    changed
}

#[test]
fn batches_of_every_size_open_again_in_pieces_of_every_size() {
    let parties = parties();
    for size in [0, 1, 511, 512, 513, 65_000, 65_536, 200_001] {
        let content: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let sealed = seal(&parties, &manifest(&parties, &content), &content);
        for piece in [997, 65_536, usize::MAX] {
            let piece = piece.min(sealed.len());
            assert_eq!(open(&parties, &sealed, piece).unwrap(), content, "{size} by {piece}");
        }
    }
}

#[test]
fn no_cut_and_no_flipped_bit_opens() {
    let parties = parties();
    let content = b"<batch/>".repeat(20);
    let sealed = seal(&parties, &manifest(&parties, &content), &content);
    for length in 0..sealed.len() {
        let refusal = open(&parties, &sealed[..length], 4096).unwrap_err();
        assert!(matches!(refusal, BatchRefusal::Age(_)), "{length}: {refusal}");
    }
    for place in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[place] ^= 0x10;
        let refusal = open(&parties, &changed, 4096).unwrap_err();
        assert!(matches!(refusal, BatchRefusal::Age(_)), "{place}: {refusal}");
    }
}

#[test]
fn a_file_cut_between_two_chunks_is_cut_off() {
    let parties = parties();
    let content = vec![b'x'; 300_000];
    let sealed = seal(&parties, &manifest(&parties, &content), &content);
    let payload = sealed.windows(4).position(|window| window == b"\n---").unwrap();
    let payload = payload + sealed[payload + 1..].iter().position(|b| *b == b'\n').unwrap() + 2;
    let chunk = 64 * 1024 + 16;
    for chunks in 1..4 {
        let cut = &sealed[..payload + 16 + chunks * chunk];
        assert_eq!(open(&parties, cut, 4096), Err(AgeRefusal::CutOff.into()), "{chunks}");
    }
}

#[test]
fn another_identity_does_not_open_it() {
    let parties = parties();
    let sealed = seal(&parties, &manifest(&parties, b"x"), b"x");
    let other = Parties { registry: Identity::generate(&parties.entropy), ..parties };
    assert_eq!(open(&other, &sealed, 4096), Err(AgeRefusal::NotForUs.into()));
    assert_eq!(open(&other, b"PK\x03\x04", 4096), Err(AgeRefusal::NotAge.into()));
    assert_eq!(open(&other, b"", 4096), Err(AgeRefusal::NotAge.into()));
}

#[test]
fn a_manifest_changed_behind_the_signature_is_refused() {
    let parties = parties();
    let tar = tar_of(&parties, &seal(&parties, &manifest(&parties, b"x"), b"x"));
    let changed = replace(&tar, "\"left_out\": 0", "\"left_out\": 7");
    let refusal = open(&parties, &encrypt(&parties, &changed), 4096);
    assert_eq!(refusal, Err(BatchRefusal::ManifestChanged));
    assert_eq!(open(&parties, &encrypt(&parties, &tar), 4096).unwrap(), b"x");
}

#[test]
fn forms_changed_behind_the_manifest_are_refused() {
    let parties = parties();
    let tar = tar_of(&parties, &seal(&parties, &manifest(&parties, b"<hy>3</hy>"), b"<hy>3</hy>"));
    let changed = replace(&tar, "<hy>3</hy>", "<hy>2</hy>");
    let refusal = open(&parties, &encrypt(&parties, &changed), 4096);
    assert_eq!(refusal, Err(BatchRefusal::ContentChanged));
}

#[test]
fn an_unknown_sender_or_another_key_of_a_known_one_is_refused() {
    let parties = parties();
    let stranger = SenderKey::generate(&parties.entropy);
    let mut signed = manifest(&parties, b"x");
    signed.sender_key = stranger.public();
    let forged = Parties { hospital: stranger.clone(), ..parties };
    let sealed = seal(&forged, &signed, b"x");
    let fingerprint = stranger.public().fingerprint();
    assert_eq!(open(&forged, &sealed, 4096), Err(BatchRefusal::UnknownSender { fingerprint }));
}

#[test]
fn a_known_key_named_but_not_used_is_refused() {
    let parties = parties();
    let claimed = manifest(&parties, b"x");
    let forged = Parties { hospital: SenderKey::generate(&parties.entropy), ..parties };
    let sealed = seal(&forged, &claimed, b"x");
    assert_eq!(open(&forged, &sealed, 4096), Err(BatchRefusal::ManifestChanged));
}

#[test]
fn newer_definitions_and_newer_formats_are_refused_by_name() {
    let parties = parties();
    let mut newer = manifest(&parties, b"x");
    let edition = CivilDate::new(2027, 4, 1).unwrap();
    newer.definitions.edition = edition;
    let sealed = seal(&parties, &newer, b"x");
    assert_eq!(open(&parties, &sealed, 4096), Err(BatchRefusal::NewerDefinitions { edition }));
    let mut newer = manifest(&parties, b"x");
    newer.format = 2;
    let sealed = seal(&parties, &newer, b"x");
    assert_eq!(open(&parties, &sealed, 4096), Err(BatchRefusal::NewerFormat { format: 2 }));
}

#[test]
fn members_missing_doubled_or_in_another_order_are_no_batch() {
    let parties = parties();
    let tar = tar_of(&parties, &seal(&parties, &manifest(&parties, b"x"), b"x"));
    let content = tar.len() - 2048;
    for wrong in [
        b"hello".to_vec(),
        Vec::new(),
        tar[content..].to_vec(),
        tar[..content].to_vec(),
        [&tar[..tar.len() - 1024], &tar[content..]].concat(),
    ] {
        let refusal = open(&parties, &encrypt(&parties, &wrong), 4096);
        assert_eq!(refusal, Err(BatchRefusal::NotABatch), "{} bytes", wrong.len());
    }
}

#[test]
fn a_sealer_refuses_what_the_manifest_does_not_say() {
    let parties = parties();
    let mut out = Vec::new();
    let new = |recipients: &[_], out: &mut Vec<u8>| {
        let manifest = manifest(&parties, b"abc");
        BatchSealer::new(&manifest, &parties.hospital, recipients, 0, &parties.entropy, out)
    };
    let recipients = [parties.registry.recipient()];
    let mut sealer = new(&recipients, &mut out).unwrap();
    assert_eq!(sealer.seal(b"abcd", &mut out), Err(SealError::WrongSize));
    let sealer = new(&recipients, &mut out).unwrap();
    assert_eq!(sealer.finish(&mut out), Err(SealError::WrongSize));
    assert!(matches!(new(&[], &mut out), Err(SealError::Recipients(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_the_opener_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let parties = parties();
        prop_assert!(open(&parties, &bytes, 100).is_err());
        prop_assert!(open(&parties, &encrypt(&parties, &bytes), 100).is_err());
    }
}
