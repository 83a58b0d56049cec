//! Damages samples: bits, bytes, numbers, pieces moved, repeated, left out, words put in.

use rand::{Rng, RngExt};

/// Bytes that parsers tend to stumble over.
const TELLING: &[u8] =
    b"\0\x01\t\n\r \"#%&'()*+,-./0:;<=>?@A[\\]{|}~\x7f\x80\xbf\xc0\xe3\xef\xf0\xfe\xff";
/// Damages of one input.
const CHANGES_MAX: usize = 5;
/// Longest piece that is moved or repeated at once.
const PIECE_MAX: usize = 64;
/// How often a piece is repeated at most.
const REPEATS_MAX: usize = 40;

/// Answers a damaged copy of `sample`, at most `bytes_max` long.
pub(crate) fn damaged(
    sample: &[u8],
    other: &[u8],
    words: &[&str],
    bytes_max: usize,
    dice: &mut impl Rng,
) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for _ in 0..dice.random_range(1..=CHANGES_MAX) {
        change(&mut bytes, other, words, dice);
        bytes.truncate(bytes_max);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], words: &[&str], dice: &mut impl Rng) {
    let at = dice.random_range(0..=bytes.len());
    match dice.random_range(0..10) {
        0 => flip(bytes, dice),
        1 => replace(bytes, at, &[telling(dice)]),
        2 => insert(bytes, at, &[telling(dice)]),
        3 => {
            bytes.drain(piece(bytes.len(), at, dice));
        }
        4 => {
            let copy = bytes[piece(bytes.len(), at, dice)].to_vec();
            let times = dice.random_range(1..=REPEATS_MAX);
            insert(bytes, at, &copy.repeat(times));
        }
        5 => {
            let from = dice.random_range(0..=other.len());
            let copy = other[piece(other.len(), from, dice)].to_vec();
            insert(bytes, at, &copy);
        }
        6 => bytes.truncate(at),
        7 => number(bytes, at, dice),
        8 if !words.is_empty() => {
            let word = words[dice.random_range(0..words.len())];
            insert(bytes, at, word.as_bytes());
        }
        _ => {
            let noise: Vec<u8> = (0..dice.random_range(1..9)).map(|_| dice.random()).collect();
            replace(bytes, at, &noise);
        }
    }
}

fn flip(bytes: &mut [u8], dice: &mut impl Rng) {
    if !bytes.is_empty() {
        let at = dice.random_range(0..bytes.len());
        bytes[at] ^= 1 << dice.random_range(0..8);
    }
}

fn telling(dice: &mut impl Rng) -> u8 {
    TELLING[dice.random_range(0..TELLING.len())]
}

fn insert(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    bytes.splice(at..at, piece.iter().copied());
}

fn replace(bytes: &mut Vec<u8>, at: usize, piece: &[u8]) {
    let end = bytes.len().min(at + piece.len());
    bytes.splice(at..end, piece.iter().copied());
}

fn piece(length: usize, at: usize, dice: &mut impl Rng) -> std::ops::Range<usize> {
    let end = length.min(at + dice.random_range(0..=PIECE_MAX));
    at..end
}

/// Puts an awkward number in place of the next digits.
fn number(bytes: &mut Vec<u8>, at: usize, dice: &mut impl Rng) {
    const NUMBERS: [&str; 10] = [
        "0",
        "-1",
        "00",
        "255",
        "65536",
        "2147483648",
        "4294967296",
        "9223372036854775808",
        "18446744073709551616",
        "1e999",
    ];
    let Some(start) = bytes[at..].iter().position(u8::is_ascii_digit).map(|found| at + found)
    else {
        return;
    };
    let digits = bytes[start..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = NUMBERS[dice.random_range(0..NUMBERS.len())];
    bytes.splice(start..start + digits, number.bytes());
}
