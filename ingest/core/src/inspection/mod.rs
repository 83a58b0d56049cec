//! What the inspector found out about a scan, and the verdict on it.
//!
//! Facts come from a process that read a stranger's bytes: they are bounded and plain, and nothing
//! here trusts them to be more than numbers and short texts. Does not open PDFs; the sandboxed
//! inspector does.

pub mod frame;
mod refusal;

use kakehashi_kernel::{FormKey, Programme, limits};
use serde::{Deserialize, Serialize};

pub use refusal::{Bilingual, Refusal};

/// What the inspector counted and measured in one PDF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// As the header claims it, for example `1.4`.
    pub pdf_version: String,
    /// Size of the PDF as received.
    pub size_bytes: u64,
    /// Objects in use, those inside object streams too.
    pub object_count: u32,
    /// Encrypted in any way, an empty password included.
    pub encrypted: bool,
    /// The pages that are really there, in order.
    pub pages: Vec<PageFacts>,
    /// How many pages the root of the page tree claims; 0 when it does not say.
    pub pages_claimed: u32,
    /// What could act by itself or lead outside. None of it survives in the disarmed PDF.
    pub active: Vec<ActiveContent>,
    /// Digital signatures. A rebuilt PDF cannot carry them on.
    pub signatures: u32,
    /// Later versions appended to the file.
    pub incremental_updates: u32,
    /// QR codes on the pages.
    pub barcodes: Vec<Barcode>,
}

/// What one page is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PageFacts {
    /// 1-based.
    pub number: u32,
    /// Width of the visible area in points (1/72 inch), rounded.
    pub width_pt: u32,
    /// Height of the visible area in points, rounded.
    pub height_pt: u32,
    /// Nothing but images is drawn, as a scanner does.
    pub image_only: bool,
    /// The images the page uses.
    pub images: Vec<ImageFacts>,
}

/// One image of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageFacts {
    /// How its pixels are coded.
    pub codec: Codec,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Bits of one colour component; 1 is black and white.
    pub bits: u8,
}

/// How an image's pixels are coded. The last filter of its stream decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Codec {
    /// CCITT group 3 or 4, the usual one of black and white scans.
    Fax,
    /// JBIG2.
    Jbig2,
    /// JPEG.
    Jpeg,
    /// JPEG 2000.
    Jpeg2000,
    /// Plain pixels, deflated, run-length or LZW coded, or not compressed.
    Plain,
}

/// One kind of active content and how often it occurs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActiveContent {
    /// What it is.
    pub kind: ActiveKind,
    /// At least 1.
    pub count: u32,
}

/// Kinds of content that act by themselves, carry other files or lead outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActiveKind {
    /// A script.
    JavaScript,
    /// Starts a program.
    Launch,
    /// Sends form values somewhere.
    SubmitForm,
    /// Reads form values from a file.
    ImportData,
    /// Opens an address.
    Uri,
    /// Goes to another file, remote or embedded.
    GoToR,
    /// Carries another file.
    EmbeddedFile,
    /// Films, sounds, 3D scenes, rich media.
    RichMedia,
    /// An XML form.
    Xfa,
    /// A fill-in form.
    AcroForm,
    /// Acts when the document is opened.
    OpenAction,
    /// Acts on events of pages, fields or the document.
    AdditionalAction,
}

impl ActiveKind {
    /// The stable word in logs, tables and pages.
    pub const fn code(self) -> &'static str {
        match self {
            Self::JavaScript => "java-script",
            Self::Launch => "launch",
            Self::SubmitForm => "submit-form",
            Self::ImportData => "import-data",
            Self::Uri => "uri",
            Self::GoToR => "go-to-r",
            Self::EmbeddedFile => "embedded-file",
            Self::RichMedia => "rich-media",
            Self::Xfa => "xfa",
            Self::AcroForm => "acro-form",
            Self::OpenAction => "open-action",
            Self::AdditionalAction => "additional-action",
        }
    }
}

/// The text of one QR code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Barcode {
    /// 1-based.
    pub page: u32,
    /// As read. A stranger's text: bounded, but not to be shown without escaping.
    pub text: String,
}

/// Starts the text of a page barcode: `KKH1|<page code>|<serial>`.
const PAGE_BARCODE_MARK: &str = "KKH1";

impl Barcode {
    /// The printed page code (`2403-0006-000-01`), when this is the barcode of one of our pages.
    pub fn page_code(&self) -> Option<&str> {
        let mut parts = self.text.split('|');
        (parts.next() == Some(PAGE_BARCODE_MARK)).then(|| parts.next()).flatten()
    }
}

/// What is to happen with an inspected scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It may go on, as the disarmed PDF and the page images.
    Release {
        /// The form its page barcodes name; nothing when no page carries one that can be read.
        form: Option<FormKey>,
        /// Something active was taken out.
        disarmed: bool,
        /// What a person may want to know. Stops nothing.
        findings: Vec<Finding>,
    },
    /// The sender must change something.
    Refuse(Refusal),
}

/// Something worth telling about a released scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Finding {
    /// Active content was taken out.
    ActiveContentRemoved {
        /// What it was.
        kind: ActiveKind,
        /// How many.
        count: u32,
    },
    /// Signatures were there; the rebuilt PDF has none. The original keeps them.
    SignaturesRemoved {
        /// How many.
        count: u32,
    },
    /// The file had later versions appended.
    UpdatesAppended {
        /// How many.
        count: u32,
    },
    /// The page tree claims another number of pages than there are.
    PageCountDiffers {
        /// As claimed.
        claimed: u32,
        /// As found.
        found: u32,
    },
    /// The page was not scanned but printed from a program.
    NotScanned {
        /// 1-based.
        page: u32,
    },
    /// The page was scanned too coarsely to read small print.
    LowResolution {
        /// 1-based.
        page: u32,
        /// Pixels per inch of its largest image.
        dpi: u32,
    },
    /// No page barcode could be read, so the form is not known yet.
    PageCodeMissing,
}

impl Finding {
    /// The stable word in logs, tables and pages.
    pub const fn code(self) -> &'static str {
        match self {
            Self::ActiveContentRemoved { .. } => "active-content-removed",
            Self::SignaturesRemoved { .. } => "signatures-removed",
            Self::UpdatesAppended { .. } => "updates-appended",
            Self::PageCountDiffers { .. } => "page-count-differs",
            Self::NotScanned { .. } => "not-scanned",
            Self::LowResolution { .. } => "low-resolution",
            Self::PageCodeMissing => "page-code-missing",
        }
    }
}

/// Below this a scan is hard to key. The request to municipalities is 200 dpi or more.
const RESOLUTION_DPI_MIN: u32 = 140;

/// Comes to the verdict on an inspected scan. Pure: the caller stores the result.
///
/// `is_known` says whether a form version is in the catalogue. A scan whose barcodes name no form is
/// released without one; barcodes of an unknown form, or of two forms, are a refusal.
pub fn conclude(facts: &Facts, is_known: &dyn Fn(&FormKey) -> bool) -> Verdict {
    if facts.encrypted {
        return Verdict::Refuse(Refusal::Encrypted);
    }
    if facts.pages.is_empty() {
        return Verdict::Refuse(Refusal::NoPages);
    }
    if count(facts.pages.len()) > limits::SCAN_PAGES_MAX {
        return Verdict::Refuse(Refusal::TooManyPages);
    }
    match form_of(facts, is_known) {
        Ok(form) => Verdict::Release {
            form,
            disarmed: !facts.active.is_empty(),
            findings: findings(facts, form),
        },
        Err(refusal) => Verdict::Refuse(refusal),
    }
}

/// The one form that the page barcodes name.
fn form_of(facts: &Facts, is_known: &dyn Fn(&FormKey) -> bool) -> Result<Option<FormKey>, Refusal> {
    let mut form = None;
    for code in facts.barcodes.iter().filter_map(Barcode::page_code) {
        // The print does not name the programme; no number is in use with both at one version.
        let key = [Programme::Nanbyo, Programme::Shouman]
            .into_iter()
            .filter_map(|programme| FormKey::from_page_code(programme, code).ok())
            .map(|(key, _page)| key)
            .find(is_known)
            .ok_or(Refusal::FormUnknown)?;
        match form {
            None => form = Some(key),
            Some(earlier) if earlier == key => {}
            Some(_) => return Err(Refusal::MixedForms),
        }
    }
    Ok(form)
}

fn findings(facts: &Facts, form: Option<FormKey>) -> Vec<Finding> {
    let mut findings: Vec<Finding> = facts
        .active
        .iter()
        .map(|active| Finding::ActiveContentRemoved { kind: active.kind, count: active.count })
        .collect();
    if facts.signatures > 0 {
        findings.push(Finding::SignaturesRemoved { count: facts.signatures });
    }
    if facts.incremental_updates > 0 {
        findings.push(Finding::UpdatesAppended { count: facts.incremental_updates });
    }
    let found = count(facts.pages.len());
    if facts.pages_claimed != 0 && facts.pages_claimed != found {
        findings.push(Finding::PageCountDiffers { claimed: facts.pages_claimed, found });
    }
    for page in &facts.pages {
        if !page.image_only {
            findings.push(Finding::NotScanned { page: page.number });
        } else if let Some(dpi) = resolution(page).filter(|dpi| *dpi < RESOLUTION_DPI_MIN) {
            findings.push(Finding::LowResolution { page: page.number, dpi });
        }
    }
    if form.is_none() {
        findings.push(Finding::PageCodeMissing);
    }
    findings
}

/// Pixels per inch of the largest image, taking it to fill the page.
fn resolution(page: &PageFacts) -> Option<u32> {
    let image =
        page.images.iter().max_by_key(|image| u64::from(image.width) * u64::from(image.height))?;
    let pixels = u64::from(image.width.max(image.height));
    let points = u64::from(page.width_pt.max(page.height_pt));
    let dpi = (pixels * 72).checked_div(points)?;
    u32::try_from(dpi).ok()
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parkinson() -> FormKey {
        FormKey::new(Programme::Nanbyo, 6, 0, 2403).unwrap()
    }

    fn page(number: u32) -> PageFacts {
        let image = ImageFacts { codec: Codec::Fax, width: 1654, height: 2339, bits: 1 };
        PageFacts { number, width_pt: 595, height_pt: 842, image_only: true, images: vec![image] }
    }

    fn barcode(text: &str) -> Barcode {
        Barcode { page: 1, text: text.to_owned() }
    }

    fn scan() -> Facts {
        Facts {
            pdf_version: "1.4".to_owned(),
            size_bytes: 1000,
            object_count: 10,
            encrypted: false,
            pages: vec![page(1), page(2)],
            pages_claimed: 2,
            active: Vec::new(),
            signatures: 0,
            incremental_updates: 0,
            barcodes: vec![
                barcode("KKH1|2403-0006-000-01|000001"),
                barcode("KKH1|2403-0006-000-02|000001"),
            ],
        }
    }

    fn judge(facts: &Facts) -> Verdict {
        conclude(facts, &|key| *key == parkinson())
    }

    #[track_caller]
    fn check_findings(facts: &Facts, expected: &[Finding]) {
        let Verdict::Release { findings, .. } = judge(facts) else { panic!("refused") };
        assert_eq!(findings, expected);
    }

    #[test]
    fn a_clean_scan_is_released_with_its_form_and_nothing_to_tell() {
        let clean = Verdict::Release { form: Some(parkinson()), disarmed: false, findings: vec![] };
        assert_eq!(judge(&scan()), clean);
    }

    #[test]
    fn active_content_is_told_and_marks_the_scan_as_disarmed() {
        let active = ActiveContent { kind: ActiveKind::JavaScript, count: 2 };
        let verdict = judge(&Facts { active: vec![active], ..scan() });
        let found = Finding::ActiveContentRemoved { kind: ActiveKind::JavaScript, count: 2 };
        assert_eq!(
            verdict,
            Verdict::Release { form: Some(parkinson()), disarmed: true, findings: vec![found] }
        );
    }

    #[test]
    fn encryption_no_pages_and_too_many_pages_are_refusals() {
        let refused = |facts: Facts| judge(&facts);
        assert_eq!(
            refused(Facts { encrypted: true, ..scan() }),
            Verdict::Refuse(Refusal::Encrypted)
        );
        assert_eq!(refused(Facts { pages: vec![], ..scan() }), Verdict::Refuse(Refusal::NoPages));
        let pages = (1..=limits::SCAN_PAGES_MAX + 1).map(page).collect();
        assert_eq!(refused(Facts { pages, ..scan() }), Verdict::Refuse(Refusal::TooManyPages));
    }

    #[test]
    fn as_many_pages_as_allowed_are_released() {
        let pages = (1..=limits::SCAN_PAGES_MAX).map(page).collect();
        let facts = Facts { pages, pages_claimed: limits::SCAN_PAGES_MAX, ..scan() };
        assert!(matches!(judge(&facts), Verdict::Release { .. }));
    }

    #[test]
    fn an_unknown_form_and_two_forms_in_one_scan_are_refusals() {
        let with = |texts: &[&str]| Facts {
            barcodes: texts.iter().map(|text| barcode(text)).collect(),
            ..scan()
        };
        let unknown = with(&["KKH1|2403-0999-000-01|1"]);
        assert_eq!(judge(&unknown), Verdict::Refuse(Refusal::FormUnknown));
        assert_eq!(judge(&with(&["KKH1|nonsense|1"])), Verdict::Refuse(Refusal::FormUnknown));
        let both = with(&["KKH1|2403-0006-000-01|1", "KKH1|2403-0007-000-01|1"]);
        assert_eq!(conclude(&both, &|_| true), Verdict::Refuse(Refusal::MixedForms));
    }

    #[test]
    fn other_barcodes_do_not_name_a_form() {
        let facts = Facts { barcodes: vec![barcode("https://example.jp/")], ..scan() };
        let Verdict::Release { form, findings, .. } = judge(&facts) else { panic!("refused") };
        assert_eq!((form, findings), (None, vec![Finding::PageCodeMissing]));
    }

    #[test]
    fn signatures_updates_and_a_lying_page_count_are_told() {
        let facts =
            Facts { signatures: 1, incremental_updates: 3, pages_claimed: 10_000, ..scan() };
        check_findings(
            &facts,
            &[
                Finding::SignaturesRemoved { count: 1 },
                Finding::UpdatesAppended { count: 3 },
                Finding::PageCountDiffers { claimed: 10_000, found: 2 },
            ],
        );
    }

    #[test]
    fn a_coarse_page_and_a_printed_page_are_told() {
        let mut facts = scan();
        facts.pages[0].images[0] =
            ImageFacts { codec: Codec::Jpeg, width: 827, height: 1170, bits: 8 };
        facts.pages[1].image_only = false;
        check_findings(
            &facts,
            &[Finding::LowResolution { page: 1, dpi: 100 }, Finding::NotScanned { page: 2 }],
        );
    }

    #[test]
    fn a_page_without_size_has_no_resolution() {
        let mut facts = scan();
        facts.pages[0].width_pt = 0;
        facts.pages[0].height_pt = 0;
        check_findings(&facts, &[]);
    }
}
