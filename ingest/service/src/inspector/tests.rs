use std::io::Write;

use kakehashi_ingest_core::inspection::{PageFacts, frame::Layer};
use tempfile::NamedTempFile;

use super::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR\x00\x00\x04\xd8\x00\x00\x06\xda";
const SANDBOX: Sandbox = Sandbox { landlock: Layer::Enforced, namespaces: Layer::Unavailable };

/// A stand-in that is a shell script.
fn script(text: &str) -> Inspector {
    let arguments = vec!["-c".into(), text.into()];
    Inspector::new("/bin/sh".into(), arguments, NonZeroUsize::MIN)
}

/// A stand-in that answers with these bytes and does not read.
fn answering(bytes: &[u8]) -> (Inspector, NamedTempFile) {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let arguments = vec![file.path().into()];
    (Inspector::new("/bin/cat".into(), arguments, NonZeroUsize::MIN), file)
}

async fn inspect(inspector: &Inspector) -> Result<Inspection, InspectorFailure> {
    inspector.inspect(b"%PDF-1.4".to_vec()).await
}

async fn refusal(text: &str) -> Refusal {
    match inspect(&script(text)).await {
        Ok(Inspection::Refused(refusal, _)) => refusal,
        other => panic!("{other:?}"),
    }
}

async fn failure(inspector: Inspector) -> InspectorFailure {
    inspect(&inspector).await.unwrap_err()
}

fn facts() -> Facts {
    let page =
        PageFacts { number: 1, width_pt: 595, height_pt: 842, image_only: true, images: vec![] };
    Facts {
        pdf_version: "1.4".into(),
        size_bytes: 8,
        object_count: 1,
        encrypted: false,
        pages: vec![page],
        pages_claimed: 1,
        active: vec![],
        signatures: 0,
        incremental_updates: 0,
        barcodes: vec![],
    }
}

#[tokio::test]
async fn an_answer_is_unpacked() {
    let answer = Answer::Inspected { facts: facts(), images: vec![(1240, 1754)] };
    let header = Header { sandbox: SANDBOX, answer };
    let (inspector, _file) = answering(&frame::encode(&header, &[b"%PDF-1.7", PNG]).unwrap());
    let page = PagePng { number: 1, width: 1240, height: 1754, png: PNG.to_vec() };
    let expected =
        Inspection::Inspected { facts: facts(), disarmed: b"%PDF-1.7".to_vec(), pages: vec![page] };
    assert_eq!(inspect(&inspector).await.unwrap(), expected);
}

#[tokio::test]
async fn a_refusal_is_passed_on_though_the_pdf_was_not_read_to_its_end() {
    let answer = Answer::Refused { refusal: Refusal::Encrypted };
    let bytes = frame::encode(&Header { sandbox: SANDBOX, answer }, &[]).unwrap();
    let (inspector, _file) = answering(&bytes);
    let inspection = inspector.inspect(vec![0; 4 * 1024 * 1024]).await.unwrap();
    assert_eq!(inspection, Inspection::Refused(Refusal::Encrypted, None));
}

#[tokio::test]
async fn an_end_that_the_pdf_caused_is_a_refusal() {
    assert_eq!(refusal("kill -XCPU $$").await, Refusal::TimedOut);
    assert_eq!(refusal("kill -ABRT $$").await, Refusal::TooLarge);
    assert_eq!(refusal("kill -SEGV $$").await, Refusal::Unreadable);
}

#[tokio::test]
async fn an_end_that_something_else_caused_is_a_failure() {
    let killed = failure(script("kill -KILL $$")).await;
    assert!(matches!(killed, InspectorFailure::Killed { signal: 9 }));
    let forbidden = failure(script("kill -SYS $$")).await;
    assert!(matches!(forbidden, InspectorFailure::Killed { signal: 31 }));
    assert_eq!(failure(script("exit 71")).await.cause(), "no-sandbox");
    assert!(matches!(failure(script("exit 3")).await, InspectorFailure::Exited { code: 3 }));
}

#[tokio::test]
async fn a_missing_program_is_a_failure() {
    let inspector = Inspector::new("/nowhere/inspector".into(), vec![], NonZeroUsize::MIN);
    assert_eq!(failure(inspector).await.cause(), "start");
}

#[tokio::test]
async fn garbage_and_silence_are_failures() {
    assert_eq!(failure(script("echo hello")).await.cause(), "garbled");
    assert_eq!(failure(script("exit 0")).await.cause(), "garbled");
}

#[tokio::test]
async fn a_hanging_inspector_is_ended() {
    let wall = Duration::from_millis(200);
    let limits = InspectorLimits { wall, ..InspectorLimits::default() };
    let inspector = script("exec /bin/sleep 600").with_limits(limits);
    assert_eq!(failure(inspector).await.cause(), "hung");
}

#[tokio::test]
async fn a_flooding_inspector_is_ended_though_it_never_reads() {
    let limits = InspectorLimits { output_bytes: 10_000, ..InspectorLimits::default() };
    let inspector = script("while :; do echo flood; done").with_limits(limits);
    let flooded = inspector.inspect(vec![0; 4 * 1024 * 1024]).await.unwrap_err();
    assert_eq!(flooded.cause(), "flooded");
}

#[tokio::test]
async fn noise_on_standard_error_disturbs_nothing() {
    let failure = failure(script("echo noise >&2; exit 3")).await;
    assert!(matches!(failure, InspectorFailure::Exited { code: 3 }));
}

#[tokio::test]
async fn the_environment_is_empty() {
    // Cargo sets this variable for the test.
    let script = script("if [ -n \"${CARGO_MANIFEST_DIR+set}\" ]; then exit 1; else exit 5; fi");
    assert!(matches!(failure(script).await, InspectorFailure::Exited { code: 5 }));
}

#[tokio::test]
async fn limits_can_only_be_lowered() {
    let wall = Duration::from_secs(9_999);
    let inspector = script("exit 0").with_limits(InspectorLimits { wall, output_bytes: u64::MAX });
    let InspectorLimits { wall, output_bytes } = InspectorLimits::default();
    assert_eq!((inspector.limits.wall, inspector.limits.output_bytes), (wall, output_bytes));
}
