//! The allow-list of the rebuilt PDF: which entries of which dictionaries may go over, and what they
//! may hold. What is not listed does not exist in the disarmed file.

use lopdf::{Dictionary, Object};

/// What an object is used as. It decides what of it is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Numbers, names, strings and arrays of them.
    Plain,
    Resources,
    XObjects,
    XObject,
    Fonts,
    Font,
    FontDescriptor,
    FontFile,
    GlyphProcedures,
    Encoding,
    CharacterMap,
    CidSystem,
    GraphicsStates,
    GraphicsState,
    SoftMask,
    ColorSpaces,
    ColorSpace,
    Patterns,
    Pattern,
    Shadings,
    Shading,
    Function,
    Group,
    Content,
    DecodeParms,
    Globals,
}

/// What may be copied of a dictionary.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Entries {
    /// These keys, each with the kind of its value.
    Listed(&'static [(&'static str, Kind)]),
    /// Any key (they are names the page content uses), all values of one kind.
    Named(Kind),
}

use Kind::{
    CharacterMap, CidSystem, ColorSpace, ColorSpaces, Content, DecodeParms, Encoding, Font,
    FontDescriptor, FontFile, Fonts, Function, Globals, GlyphProcedures, GraphicsState,
    GraphicsStates, Group, Pattern, Patterns, Plain, Resources, Shading, Shadings, SoftMask,
    XObject, XObjects,
};

const RESOURCES: &[(&str, Kind)] = &[
    ("ColorSpace", ColorSpaces),
    ("ExtGState", GraphicsStates),
    ("Font", Fonts),
    ("Pattern", Patterns),
    ("ProcSet", Plain),
    ("Shading", Shadings),
    ("XObject", XObjects),
];
const IMAGE: &[(&str, Kind)] = &[
    ("BitsPerComponent", Plain),
    ("ColorSpace", ColorSpace),
    ("Decode", Plain),
    ("Height", Plain),
    ("ImageMask", Plain),
    ("Intent", Plain),
    ("Interpolate", Plain),
    ("Mask", XObject),
    ("Matte", Plain),
    ("SMask", XObject),
    ("SMaskInData", Plain),
    ("Subtype", Plain),
    ("Type", Plain),
    ("Width", Plain),
];
const FORM: &[(&str, Kind)] = &[
    ("BBox", Plain),
    ("FormType", Plain),
    ("Group", Group),
    ("Matrix", Plain),
    ("Resources", Resources),
    ("Subtype", Plain),
    ("Type", Plain),
];
const GROUP: &[(&str, Kind)] =
    &[("CS", ColorSpace), ("I", Plain), ("K", Plain), ("S", Plain), ("Type", Plain)];
const FONT: &[(&str, Kind)] = &[
    ("BaseFont", Plain),
    ("CIDSystemInfo", CidSystem),
    ("CIDToGIDMap", FontFile),
    ("CharProcs", GlyphProcedures),
    ("DW", Plain),
    ("DW2", Plain),
    ("DescendantFonts", Font),
    ("Encoding", Encoding),
    ("FirstChar", Plain),
    ("FontBBox", Plain),
    ("FontDescriptor", FontDescriptor),
    ("FontMatrix", Plain),
    ("LastChar", Plain),
    ("Name", Plain),
    ("Resources", Resources),
    ("Subtype", Plain),
    ("ToUnicode", CharacterMap),
    ("Type", Plain),
    ("W", Plain),
    ("W2", Plain),
    ("Widths", Plain),
];
const FONT_DESCRIPTOR: &[(&str, Kind)] = &[
    ("Ascent", Plain),
    ("AvgWidth", Plain),
    ("CIDSet", FontFile),
    ("CapHeight", Plain),
    ("CharSet", Plain),
    ("Descent", Plain),
    ("Flags", Plain),
    ("FontBBox", Plain),
    ("FontFamily", Plain),
    ("FontFile", FontFile),
    ("FontFile2", FontFile),
    ("FontFile3", FontFile),
    ("FontName", Plain),
    ("FontStretch", Plain),
    ("FontWeight", Plain),
    ("ItalicAngle", Plain),
    ("Leading", Plain),
    ("MaxWidth", Plain),
    ("MissingWidth", Plain),
    ("StemH", Plain),
    ("StemV", Plain),
    ("Type", Plain),
    ("XHeight", Plain),
];
const FONT_FILE: &[(&str, Kind)] =
    &[("Length1", Plain), ("Length2", Plain), ("Length3", Plain), ("Subtype", Plain)];
const ENCODING: &[(&str, Kind)] = &[
    ("BaseEncoding", Plain),
    ("CIDSystemInfo", CidSystem),
    ("CMapName", Plain),
    ("Differences", Plain),
    ("Type", Plain),
    ("UseCMap", CharacterMap),
    ("WMode", Plain),
];
const CID_SYSTEM: &[(&str, Kind)] =
    &[("Ordering", Plain), ("Registry", Plain), ("Supplement", Plain)];
const GRAPHICS_STATE: &[(&str, Kind)] = &[
    ("AIS", Plain),
    ("BM", Plain),
    ("CA", Plain),
    ("D", Plain),
    ("FL", Plain),
    ("Font", Font),
    ("LC", Plain),
    ("LJ", Plain),
    ("LW", Plain),
    ("ML", Plain),
    ("OP", Plain),
    ("OPM", Plain),
    ("RI", Plain),
    ("SA", Plain),
    ("SM", Plain),
    ("SMask", SoftMask),
    ("TK", Plain),
    ("Type", Plain),
    ("ca", Plain),
    ("op", Plain),
];
const SOFT_MASK: &[(&str, Kind)] =
    &[("BC", Plain), ("G", XObject), ("S", Plain), ("TR", Function), ("Type", Plain)];
// Colour space arrays hold ICC profiles, lookup tables and tint functions besides parameters.
const COLOR_SPACE: &[(&str, Kind)] = &[
    ("Alternate", ColorSpace),
    ("BitsPerSample", Plain),
    ("BlackPoint", Plain),
    ("Bounds", Plain),
    ("C0", Plain),
    ("C1", Plain),
    ("Decode", Plain),
    ("Domain", Plain),
    ("Encode", Plain),
    ("FunctionType", Plain),
    ("Functions", Function),
    ("Gamma", Plain),
    ("Matrix", Plain),
    ("N", Plain),
    ("Order", Plain),
    ("Range", Plain),
    ("Size", Plain),
    ("WhitePoint", Plain),
];
const PATTERN: &[(&str, Kind)] = &[
    ("BBox", Plain),
    ("ExtGState", GraphicsState),
    ("Matrix", Plain),
    ("PaintType", Plain),
    ("PatternType", Plain),
    ("Resources", Resources),
    ("Shading", Shading),
    ("TilingType", Plain),
    ("Type", Plain),
    ("XStep", Plain),
    ("YStep", Plain),
];
const SHADING: &[(&str, Kind)] = &[
    ("AntiAlias", Plain),
    ("BBox", Plain),
    ("Background", Plain),
    ("BitsPerComponent", Plain),
    ("BitsPerCoordinate", Plain),
    ("BitsPerFlag", Plain),
    ("ColorSpace", ColorSpace),
    ("Coords", Plain),
    ("Decode", Plain),
    ("Domain", Plain),
    ("Extend", Plain),
    ("Function", Function),
    ("Matrix", Plain),
    ("ShadingType", Plain),
    ("VerticesPerRow", Plain),
];
const FUNCTION: &[(&str, Kind)] = &[
    ("BitsPerSample", Plain),
    ("Bounds", Plain),
    ("C0", Plain),
    ("C1", Plain),
    ("Decode", Plain),
    ("Domain", Plain),
    ("Encode", Plain),
    ("FunctionType", Plain),
    ("Functions", Function),
    ("N", Plain),
    ("Order", Plain),
    ("Range", Plain),
    ("Size", Plain),
];
const DECODE_PARMS: &[(&str, Kind)] = &[
    ("BitsPerComponent", Plain),
    ("BlackIs1", Plain),
    ("ColorTransform", Plain),
    ("Colors", Plain),
    ("Columns", Plain),
    ("DamagedRowsBeforeError", Plain),
    ("EarlyChange", Plain),
    ("EncodedByteAlign", Plain),
    ("EndOfBlock", Plain),
    ("EndOfLine", Plain),
    ("JBIG2Globals", Globals),
    ("K", Plain),
    ("Predictor", Plain),
    ("Rows", Plain),
];

/// The filters a stream may name (ISO 32000-1, table 6, without `Crypt`).
const FILTERS: &[&[u8]] = &[
    b"ASCII85Decode",
    b"ASCIIHexDecode",
    b"CCITTFaxDecode",
    b"DCTDecode",
    b"FlateDecode",
    b"JBIG2Decode",
    b"JPXDecode",
    b"LZWDecode",
    b"RunLengthDecode",
];

/// Says which entries of a dictionary used as `kind` may be copied; `None` when the dictionary itself
/// has no place there.
pub(crate) fn entries(kind: Kind, dictionary: &Dictionary) -> Option<Entries> {
    let listed = |keys| Some(Entries::Listed(keys));
    match kind {
        Kind::Plain => None,
        Resources => listed(RESOURCES),
        XObject => match dictionary.get(b"Subtype").and_then(Object::as_name) {
            Ok(b"Image") => listed(IMAGE),
            Ok(b"Form") => listed(FORM),
            _ => None,
        },
        Font => listed(FONT),
        FontDescriptor => listed(FONT_DESCRIPTOR),
        FontFile => listed(FONT_FILE),
        Encoding | CharacterMap => listed(ENCODING),
        CidSystem => listed(CID_SYSTEM),
        GraphicsState => listed(GRAPHICS_STATE),
        SoftMask => listed(SOFT_MASK),
        ColorSpace => listed(COLOR_SPACE),
        Pattern => listed(PATTERN),
        Shading => listed(SHADING),
        Function => listed(FUNCTION),
        Group => listed(GROUP),
        DecodeParms => listed(DECODE_PARMS),
        Content | Globals => listed(&[]),
        XObjects => Some(Entries::Named(XObject)),
        Fonts => Some(Entries::Named(Font)),
        GlyphProcedures => Some(Entries::Named(Content)),
        GraphicsStates => Some(Entries::Named(GraphicsState)),
        ColorSpaces => Some(Entries::Named(ColorSpace)),
        Patterns => Some(Entries::Named(Pattern)),
        Shadings => Some(Entries::Named(Shading)),
    }
}

/// Says whether an object of this kind may be a stream.
pub(crate) fn may_be_stream(kind: Kind) -> bool {
    match kind {
        XObject | FontFile | Encoding | CharacterMap | ColorSpace | Pattern | Shading
        | Function | Content | Globals => true,
        Plain | Resources | XObjects | Fonts | Font | FontDescriptor | GlyphProcedures
        | CidSystem | GraphicsStates | GraphicsState | SoftMask | ColorSpaces | Patterns
        | Shadings | Group | DecodeParms => false,
    }
}

/// Says whether a stream may name this filter.
pub(crate) fn is_filter_known(name: &[u8]) -> bool {
    FILTERS.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_acts_is_on_any_list() {
        let lists = [
            RESOURCES,
            IMAGE,
            FORM,
            GROUP,
            FONT,
            FONT_DESCRIPTOR,
            FONT_FILE,
            ENCODING,
            CID_SYSTEM,
            GRAPHICS_STATE,
            SOFT_MASK,
            COLOR_SPACE,
            PATTERN,
            SHADING,
            FUNCTION,
            DECODE_PARMS,
        ];
        let forbidden = [
            "A",
            "AA",
            "Annots",
            "JS",
            "F",
            "EF",
            "Names",
            "OpenAction",
            "AcroForm",
            "XFA",
            "URI",
            "Metadata",
            "PieceInfo",
            "OPI",
            "Ref",
            "OC",
            "Properties",
            "Alternates",
            "PS",
        ];
        for (key, _) in lists.into_iter().flatten() {
            assert!(!forbidden.contains(key), "{key}");
        }
    }

    #[test]
    fn lists_are_sorted_so_that_a_review_finds_every_key() {
        for list in [RESOURCES, IMAGE, FORM, FONT, FONT_DESCRIPTOR, GRAPHICS_STATE, COLOR_SPACE] {
            assert!(list.is_sorted_by_key(|(key, _)| *key));
        }
    }
}
