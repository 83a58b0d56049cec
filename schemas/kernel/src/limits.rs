//! Every limit in one place. Configuration may lower them, never raise them.

/// Largest upload of one scan.
pub const SCAN_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Largest body of one PATCH of an upload; a client sends more in several.
pub const UPLOAD_CHUNK_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Open uploads of one organisation.
pub const UPLOADS_OPEN_MAX: u32 = 500;
/// Hours until an upload that nobody continued is removed.
pub const UPLOAD_IDLE_HOURS_MAX: i64 = 72;
/// Pages of one scan.
pub const SCAN_PAGES_MAX: u32 = 60;
/// Objects in one PDF.
pub const PDF_OBJECTS_MAX: usize = 20_000;
/// Nesting of PDF dictionaries, arrays and the page tree.
pub const PDF_DEPTH_MAX: usize = 64;
/// Pixels of one rendered page.
pub const PAGE_PIXELS_MAX: u64 = 40_000_000;
/// Bytes the inspector may write.
pub const INSPECTION_OUTPUT_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Address space of the inspector.
pub const INSPECTION_MEMORY_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// CPU seconds of the inspector.
pub const INSPECTION_CPU_SECONDS_MAX: u64 = 60;
/// Wall-clock seconds of the inspector.
pub const INSPECTION_WALL_SECONDS_MAX: u64 = 120;
/// Documents of one lot.
pub const LOT_DOCUMENTS_MAX: usize = 500;
/// Returns of one lot, whatever becomes of them.
pub const LOT_RETURNS_MAX: u32 = 1000;
/// Bytes of one return.
pub const RETURN_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Forms of one batch of a hospital.
pub const BATCH_FORMS_MAX: usize = 100_000;
/// Bytes of one batch as XML.
pub const BATCH_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
/// Bytes of one form as XML, counted as UTF-8.
pub const FORM_XML_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Nesting of XML elements.
pub const XML_DEPTH_MAX: usize = 16;
/// Attributes of one XML element.
pub const XML_ATTRIBUTES_MAX: usize = 16;
/// Bytes of one text in XML, or of all attributes of one element.
pub const XML_TEXT_BYTES_MAX: usize = 16 * 1024;
/// Bytes of one tag, comment, processing instruction or stretch of text in XML: what is held at once.
pub const XML_TOKEN_BYTES_MAX: usize = 64 * 1024;
/// Character and entity references of one form in XML.
pub const XML_REFERENCES_MAX: usize = 50_000;
/// Times a document goes round before a person looks at it.
pub const CORRECTION_ROUNDS_MAX: u32 = 5;
/// Deliveries of one message before it becomes a dead letter.
pub const MESSAGE_ATTEMPTS_MAX: u32 = 12;
/// Bytes of one message.
pub const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Items of one form definition.
pub const FORM_ITEMS_MAX: usize = 2_000;
/// Bytes of one value of a form.
pub const FORM_VALUE_BYTES_MAX: usize = 4_000;
/// Rows of one table of a form.
pub const FORM_ROWS_MAX: usize = 100;
/// Columns of one table of a form.
pub const FORM_COLUMNS_MAX: usize = 30;
/// Bytes of a whole table of a form, typed as lines of text.
pub const FORM_TABLE_BYTES_MAX: usize = 64 * 1024;
/// Bytes of one posted HTML form.
pub const FORM_BODY_BYTES_MAX: usize = 512 * 1024;
/// Steps of one rule evaluation are bounded by its text; bytes of one rule.
pub const RULE_BYTES_MAX: usize = 4_000;
/// Bytes of one client certificate.
pub const CERTIFICATE_BYTES_MAX: usize = 8 * 1024;
/// Certificates in the chain a client shows.
pub const CERTIFICATE_CHAIN_MAX: usize = 4;
/// Bytes of the chain a client shows.
pub const CERTIFICATE_CHAIN_BYTES_MAX: usize = 16 * 1024;
