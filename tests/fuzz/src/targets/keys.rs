//! What is encrypted or signed: age files, sealed batches, our own sealed objects, keys as text.

use kakehashi_kernel::Sha256Digest;
use kakehashi_seal::{
    Entropy, Key,
    age::{AgeOpener, AgeRefusal, AgeSealer, Identity, Recipient},
    batch::{BatchOpener, BatchRefusal, Definitions, KnownSenders},
    open_object, seal_object,
};

use crate::Target;

/// The same bytes every time: a sample must not change from run to run.
struct Fixed;

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        for (index, byte) in buffer.iter_mut().enumerate() {
            *byte = u8::try_from(index % 251).unwrap_or(0) ^ 0x5a;
        }
    }
}

fn sealed(plain: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let recipient = Identity::generate(&Fixed).recipient();
    let mut sealer = AgeSealer::new(&[recipient], &Fixed, &mut file).expect("one good recipient");
    sealer.seal(plain, &mut file);
    sealer.finish(&mut file);
    file
}

/// An age file, in two pushes.
pub(super) const AGE: Target = Target {
    name: "age",
    run: |bytes| {
        // Keys as text are what people paste.
        if let Ok(text) = std::str::from_utf8(bytes) {
            let _known: Result<Recipient, _> = text.trim().parse();
            let _known: Result<Identity, _> = text.trim().parse();
        }
        let mut opener = AgeOpener::new(vec![Identity::generate(&Fixed)]);
        let mut plain = Vec::new();
        let (first, second) = bytes.split_at(bytes.len() / 2);
        let opened = opener
            .push(first, &mut plain)
            .and_then(|()| opener.push(second, &mut plain))
            .and_then(|()| opener.finish(&mut plain));
        match opened {
            Ok(()) => "opened",
            Err(AgeRefusal::NotAge) => "not age",
            Err(AgeRefusal::Armoured) => "armoured",
            Err(AgeRefusal::MalformedHeader) => "malformed header",
            Err(AgeRefusal::NotForUs) => "not for us",
            Err(AgeRefusal::HeaderChanged) => "header changed",
            Err(AgeRefusal::CutOff) => "cut off",
            Err(AgeRefusal::Damaged) => "damaged",
        }
    },
    samples: || {
        let key = Identity::generate(&Fixed).recipient().to_string();
        vec![sealed(b"plain"), sealed(b""), key.into_bytes()]
    },
    words: &[
        "age-encryption.org/v1\n",
        "-> X25519 ",
        "-> grease a b\n",
        "\n\n",
        "--- ",
        "-----BEGIN AGE ENCRYPTED FILE-----",
        "age1",
        "AGE-SECRET-KEY-1",
    ],
    bytes_max: 8 * 1024,
};

/// A sealed batch's content, which is looked at before its signature can be: sealed here, so that what is
/// damaged is the archive and not the encryption.
pub(super) const SEALED_BATCH: Target = Target {
    name: "sealed-batch",
    run: |bytes| {
        let ours = Definitions {
            edition: "2026-11-23".parse().expect("a literal day"),
            digest: Sha256Digest::of(b""),
        };
        let senders = KnownSenders::default();
        let mut opener = BatchOpener::new(vec![Identity::generate(&Fixed)], senders, ours);
        let mut content = Vec::new();
        let opened = opener.push(&sealed(bytes), &mut content);
        match opened.and_then(|()| opener.finish(&mut content).map(drop)) {
            Ok(()) => panic!("nobody signed this"),
            Err(BatchRefusal::NotABatch) => "not a batch",
            Err(_) => "refused",
        }
    },
    samples: || {
        vec![archive(&[("manifest.json", b"{\"format\":1}"), ("manifest.sig", b"x")]), Vec::new()]
    },
    words: &[
        "manifest.json",
        "manifest.sig",
        "forms.xml",
        "ustar\0",
        "0000644",
        "\0\0\0\0\0\0\0\0",
    ],
    bytes_max: 64 * 1024,
};

/// A small ustar archive.
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in members {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[148..156].copy_from_slice(b"        ");
        header[156] = b'0';
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        bytes.extend(header);
        bytes.extend(*content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.extend([0; 1024]);
    bytes
}

/// One of our own sealed objects. Whoever can write to the disk must not get anything opened.
pub(super) const OBJECT: Target = Target {
    name: "object",
    run: |bytes| {
        let key = Key::generate(&Fixed);
        match open_object(&key, "context", bytes) {
            Ok(plain) => {
                assert_eq!(plain, PLAIN, "something we never sealed opens");
                "opened"
            }
            Err(_) => "refused",
        }
    },
    samples: || vec![seal_object(&Key::generate(&Fixed), "context", PLAIN, &Fixed)],
    words: &["\0\0\0\0", "\u{7f}"],
    bytes_max: 4 * 1024,
};

const PLAIN: &[u8] = b"what was sealed";
