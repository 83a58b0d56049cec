//! Bech32 (BIP 173) without its length limit, as age writes keys.

const CHARSET: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const CHECKSUM_LENGTH: usize = 6;

/// Writes 32 bytes behind a lower-case human-readable part.
pub(crate) fn encode(prefix: &str, bytes: &[u8; 32]) -> String {
    let mut values = to_fives(bytes);
    let mut checked = expand(prefix);
    checked.extend(&values);
    checked.extend([0; CHECKSUM_LENGTH]);
    let checksum = polymod(&checked) ^ 1;
    for place in 0..CHECKSUM_LENGTH {
        let shift = 5 * (CHECKSUM_LENGTH - 1 - place);
        values.push(u8::try_from((checksum >> shift) & 31).unwrap_or_default());
    }
    let letters = values.iter().filter_map(|value| CHARSET.get(usize::from(*value)));
    let letters: String = letters.map(|letter| char::from(*letter)).collect();
    format!("{prefix}1{letters}")
}

/// Reads what [`encode`] wrote, all in one case. `None` when prefix, checksum or length is wrong.
pub(crate) fn decode(prefix: &str, text: &str) -> Option<[u8; 32]> {
    let is_lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
    let is_upper = !text.bytes().any(|byte| byte.is_ascii_lowercase());
    if !is_lower && !is_upper {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let data = text.strip_prefix(prefix)?.strip_prefix('1')?;
    let mut values = Vec::with_capacity(data.len());
    for letter in data.bytes() {
        let value = CHARSET.iter().position(|known| *known == letter)?;
        values.push(u8::try_from(value).ok()?);
    }
    let mut checked = expand(prefix);
    checked.extend(&values);
    if polymod(&checked) != 1 {
        return None;
    }
    let payload = values.get(..values.len().checked_sub(CHECKSUM_LENGTH)?)?;
    from_fives(payload)
}

fn expand(prefix: &str) -> Vec<u8> {
    let mut expanded: Vec<u8> = prefix.bytes().map(|byte| byte >> 5).collect();
    expanded.push(0);
    expanded.extend(prefix.bytes().map(|byte| byte & 31));
    expanded
}

fn polymod(values: &[u8]) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let mut checksum: u32 = 1;
    for value in values {
        let top = checksum >> 25;
        checksum = ((checksum & 0x01ff_ffff) << 5) ^ u32::from(*value);
        for (place, generator) in GENERATOR.iter().enumerate() {
            if (top >> place) & 1 == 1 {
                checksum ^= generator;
            }
        }
    }
    checksum
}

fn to_fives(bytes: &[u8; 32]) -> Vec<u8> {
    let (mut fives, mut held, mut bits) = (Vec::with_capacity(52), 0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            fives.push(u8::try_from((held >> bits) & 31).unwrap_or_default());
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        fives.push(u8::try_from((held << (5 - bits)) & 31).unwrap_or_default());
    }
    fives
}

fn from_fives(fives: &[u8]) -> Option<[u8; 32]> {
    let (mut bytes, mut held, mut bits) = (Vec::with_capacity(32), 0_u32, 0);
    for five in fives {
        held = (held << 5) | u32::from(*five);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from((held >> bits) & 255).ok()?);
        }
        held &= (1 << bits) - 1;
    }
    // What is left over must be zero, so that one key has one text.
    if held != 0 || bits >= 5 {
        return None;
    }
    bytes.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_and_no_changed_letter_does() {
        let text = encode("age", &[7; 32]);
        assert_eq!(decode("age", &text), Some([7; 32]));
        assert_eq!(decode("age", &text.to_uppercase()), Some([7; 32]));
        for place in 4..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[place] = if changed[place] == b'q' { b'p' } else { b'q' };
            assert_eq!(decode("age", std::str::from_utf8(&changed).unwrap()), None, "{place}");
        }
    }

    #[test]
    fn mixed_case_another_prefix_and_other_lengths_are_refused() {
        let text = encode("age", &[7; 32]);
        assert_eq!(decode("agf", &text), None);
        assert_eq!(decode("age", &text.replacen('a', "A", 1)), None);
        assert_eq!(decode("age", ""), None);
        assert_eq!(decode("age", "age1"), None);
        // BIP 173, a valid string of another length.
        assert_eq!(decode("a", "a12uel5l"), None);
    }
}
