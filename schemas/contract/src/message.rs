//! Messages: what happened, in ids, codes and digests. Never content about a person.

use kakehashi_kernel::{
    FormKey, Ids, LotId, LotNumber, MessageId, MunicipalityCode, ReceiptNumber, RecordId, ScanId,
    Sha256Digest, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::manifest::PageImage;

/// One message. May arrive twice, late or out of order; its id makes the repeat visible.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The message's own id.
    pub id: MessageId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}

impl Message {
    /// Makes a message about `event`.
    pub fn new(ids: &dyn Ids, at: Timestamp, event: Event) -> Self {
        Self { id: MessageId::generate(ids), at, event }
    }
}

/// New application or renewal (新規・更新).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ApplicationKind {
    /// 新規.
    New,
    /// 更新.
    Renewal,
}

/// What happened to a scan. A reader ignores kinds it does not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Event {
    /// The original is durable and receipted.
    ScanReceived {
        /// The scan.
        scan: ScanId,
        /// Who sent it.
        municipality: MunicipalityCode,
    },
    /// The inspection found nothing against the scan; its page images are ready.
    ScanReleased {
        /// The scan.
        scan: ScanId,
        /// The number on the receipt.
        receipt: ReceiptNumber,
        /// Who sent it.
        municipality: MunicipalityCode,
        /// Which form it is.
        form: FormKey,
        /// New or renewal.
        application: ApplicationKind,
        /// The page images, in page order, under [`crate::objects::page`].
        pages: Vec<PageImage>,
    },
    /// The scan was refused; the municipality has to act.
    ScanRefused {
        /// The scan.
        scan: ScanId,
        /// The refusal's code.
        why: String,
    },
    /// The municipality withdrew the scan.
    ScanWithdrawn {
        /// The scan.
        scan: ScanId,
    },
    /// The scan's document was put into a lot.
    DocumentInLot {
        /// The scan.
        scan: ScanId,
        /// The lot.
        lot: LotId,
        /// The lot's number.
        lot_number: LotNumber,
        /// 1 for the first time round.
        round: u32,
    },
    /// The contractor took the lot.
    DocumentHandedOver {
        /// The scan.
        scan: ScanId,
        /// The lot.
        lot: LotId,
        /// The round.
        round: u32,
    },
    /// The contractor's document was found faulty or missing and goes round again.
    DocumentSentBack {
        /// The scan.
        scan: ScanId,
        /// The lot it came from.
        lot: LotId,
        /// The round that failed.
        round: u32,
        /// How many findings; 0 when the document was missing.
        findings: u32,
    },
    /// The document went round too often; a person must look.
    DocumentStuck {
        /// The scan.
        scan: ScanId,
        /// Rounds used.
        round: u32,
    },
    /// The document is valid and ready to load.
    DocumentAccepted {
        /// The scan.
        scan: ScanId,
        /// Its form.
        form: FormKey,
        /// Who sent it.
        municipality: MunicipalityCode,
        /// The round that succeeded.
        round: u32,
        /// Digest of the XML under [`crate::objects::converted`].
        digest: Sha256Digest,
        /// The page images it was keyed from.
        pages: Vec<PageImage>,
    },
    /// The registry holds the record.
    RecordLoaded {
        /// The scan.
        scan: ScanId,
        /// The record.
        record: RecordId,
        /// Pages of the scan.
        pages: u32,
        /// The online record of the same form and person, if there is one.
        linked: Option<RecordId>,
    },
}

impl Event {
    /// The scan the event is about.
    pub const fn scan(&self) -> ScanId {
        match self {
            Self::ScanReceived { scan, .. }
            | Self::ScanReleased { scan, .. }
            | Self::ScanRefused { scan, .. }
            | Self::ScanWithdrawn { scan }
            | Self::DocumentInLot { scan, .. }
            | Self::DocumentHandedOver { scan, .. }
            | Self::DocumentSentBack { scan, .. }
            | Self::DocumentStuck { scan, .. }
            | Self::DocumentAccepted { scan, .. }
            | Self::RecordLoaded { scan, .. } => *scan,
        }
    }

    /// The event's kind, as routed by the queue.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::ScanReceived { .. } => "scan_received",
            Self::ScanReleased { .. } => "scan_released",
            Self::ScanRefused { .. } => "scan_refused",
            Self::ScanWithdrawn { .. } => "scan_withdrawn",
            Self::DocumentInLot { .. } => "document_in_lot",
            Self::DocumentHandedOver { .. } => "document_handed_over",
            Self::DocumentSentBack { .. } => "document_sent_back",
            Self::DocumentStuck { .. } => "document_stuck",
            Self::DocumentAccepted { .. } => "document_accepted",
            Self::RecordLoaded { .. } => "record_loaded",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_on_the_wire_is_the_kind_the_queue_routes_by() {
        let event = Event::ScanWithdrawn { scan: uuid::Uuid::nil().into() };
        let wire = serde_json::to_value(&event).unwrap();
        assert_eq!(wire["kind"], event.kind());
    }
}
