//! A certificate's number as people read it, such as `LYC-2026-7K3FQ2MXA`.

use uuid::Uuid;
use values::base32::{self, symbol};

/// How many symbols are random: forty bits, so that a number cannot be guessed.
const RANDOM: usize = 8;
/// How many symbols follow the year: the random ones and the check.
const CODE: usize = RANDOM + 1;
/// What stands before them: the year.
const YEAR: usize = 4;
/// The longest text that is worth reading.
const LONGEST: usize = 64;

/// A number, with the key by which it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    text: String,
    key: Key,
}

/// A number without what people get wrong: hyphens, spaces, case, O for zero, I and L for one.
#[derive(Debug, Clone, PartialEq, Eq, values::Column)]
pub struct Key(String);

/// What stands at the beginning of each number, such as `LYC`: 2 to 8 capital letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

/// A text that cannot begin a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 2 to 8 capital letters from A to Z")]
pub struct BadPrefix;

/// A text that is no number: too short, of other signs, or with one that was mistyped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the check character does not fit")]
pub struct NoNumber;

impl Prefix {
    /// Takes a prefix.
    pub fn parse(text: &str) -> Result<Self, BadPrefix> {
        let fits = (2..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase());
        if fits { Ok(Self(text.to_owned())) } else { Err(BadPrefix) }
    }
}

impl std::str::FromStr for Prefix {
    type Err = BadPrefix;

    fn from_str(text: &str) -> Result<Self, BadPrefix> {
        Self::parse(text)
    }
}

impl Number {
    /// The number of the certificate of this id, issued in a year.
    ///
    /// Its random symbols are the last bits of the id, which are random in a UUIDv7, so that no second source of chance
    /// is needed.
    pub fn of(prefix: &Prefix, year: i32, id: Uuid) -> Self {
        let code = base32::of_last_bits(id, RANDOM);
        let year = format!("{:04}", year.rem_euclid(10_000));
        let check = symbol(check(year.chars().chain(code.chars())));
        let text = format!("{}-{year}-{code}{check}", prefix.0);
        let key = Key(text.chars().filter_map(read).collect());
        Self { text, key }
    }

    /// The number.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How it is found.
    pub fn key(&self) -> &Key {
        &self.key
    }
}

impl Key {
    /// Takes what was typed or read out. Whether there is such a certificate is another question.
    pub fn parse(text: &str) -> Result<Self, NoNumber> {
        if text.len() > LONGEST {
            return Err(NoNumber);
        }
        let bare = text.chars().filter(|c| !c.is_whitespace() && !matches!(c, '-' | '‐' | '‑' | '–' | '—' | '_'));
        let key: String = bare.map(|c| read(c).ok_or(NoNumber)).collect::<Result<_, _>>()?;
        // Only signs of one byte have come through.
        let prefix = key.len().checked_sub(YEAR + CODE).filter(|prefix| (2..=8).contains(prefix)).ok_or(NoNumber)?;
        let (year, code) = key[prefix..].split_at(YEAR);
        let (random, last) = code.split_at(RANDOM);
        let fits = year.bytes().all(|byte| byte.is_ascii_digit())
            && key[prefix..].chars().all(|c| base32::value(c).is_some())
            && last.chars().eq([symbol(check(year.chars().chain(random.chars())))]);
        if fits { Ok(Self(key)) } else { Err(NoNumber) }
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One sign as it is looked up; none where it cannot stand in a number. Cyrillic letters that look like Latin ones are
/// those.
fn read(c: char) -> Option<char> {
    let upper = c.to_uppercase().next().unwrap_or(c);
    match upper {
        'O' | 'О' => Some('0'),
        'I' | 'L' => Some('1'),
        'А' => Some('A'),
        'В' => Some('B'),
        'Е' => Some('E'),
        'К' => Some('K'),
        'М' => Some('M'),
        'Н' => Some('H'),
        'Р' => Some('P'),
        'С' => Some('C'),
        'Т' => Some('T'),
        'Х' => Some('X'),
        'У' => Some('Y'),
        upper => upper.is_ascii_alphanumeric().then_some(upper),
    }
}

/// The check of some symbols: a polynomial over GF(32), whose every weight differs, so that one wrong symbol and two
/// that changed places show.
fn check(symbols: impl Iterator<Item = char>) -> u8 {
    symbols.fold(0, |sum, symbol| times_two(sum ^ base32::value(symbol).unwrap_or_default()))
}

/// Multiplication by x modulo x⁵ + x² + 1, of which x is a generator.
fn times_two(value: u8) -> u8 {
    let doubled = value << 1;
    if doubled & 32 == 0 { doubled } else { (doubled ^ 0b10_0101) & 31 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prefix() -> Prefix {
        Prefix::parse("LYC").unwrap()
    }

    fn of(id: u128) -> Number {
        Number::of(&prefix(), 2026, Uuid::from_u128(id))
    }

    #[test]
    fn a_number_has_a_prefix_a_year_and_nine_symbols() {
        let number = of(0x0198_c2f4_7b1e_7c3a_9d55_3f0e_8a1b_2c4d);
        assert_eq!(number.as_str(), "LYC-2026-1T51PB2DV");
        assert_eq!(number.key().as_str(), "1YC20261T51PB2DV");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "LYC", "LYC-2026", "2026-1T51PB2D", "LYC-2O2B-000000000", "%00", "ЖЖЖ-2026-000000000", "\u{0}"]
        {
            assert_eq!(Key::parse(text), Err(NoNumber), "{text}");
        }
        assert_eq!(Key::parse(&"1".repeat(1_000)), Err(NoNumber));
    }

    #[test]
    fn a_prefix_is_some_capital_letters() {
        assert!(
            ["LYC", "ШК", "L", "lyc", "LYC-1", "ABCDEFGHI", ""]
                .map(|text| Prefix::parse(text).is_ok())
                .iter()
                .filter(|fits| **fits)
                .count()
                == 1
        );
    }

    proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written(id: u128) {
            let number = of(id);
            prop_assert_eq!(&Key::parse(number.as_str()).unwrap(), number.key());
        }

        #[test]
        fn what_people_get_wrong_does_not_matter(id: u128) {
            let number = of(id);
            let typed = number.as_str().to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
            prop_assert_eq!(&Key::parse(&format!(" {typed} ")).unwrap(), number.key());
            let cyrillic = number.as_str().replace('C', "С").replace('A', "А").replace('0', "О").replace('-', "—");
            prop_assert_eq!(&Key::parse(&cyrillic).unwrap(), number.key());
        }

        #[test]
        fn one_wrong_symbol_shows(id: u128, at in 3_usize..16, other in 0_u8..32) {
            let key = of(id).key().as_str().to_owned();
            let mut wrong: Vec<char> = key.chars().collect();
            wrong[at] = symbol(other);
            let wrong: String = wrong.into_iter().collect();
            prop_assume!(wrong != key);
            prop_assert_eq!(Key::parse(&wrong), Err(NoNumber));
        }

        #[test]
        fn two_symbols_that_changed_places_show(id: u128, at in 3_usize..15) {
            let key = of(id).key().as_str().to_owned();
            let mut wrong: Vec<char> = key.chars().collect();
            wrong.swap(at, at + 1);
            let wrong: String = wrong.into_iter().collect();
            prop_assume!(wrong != key);
            prop_assert_eq!(Key::parse(&wrong), Err(NoNumber));
        }

        #[test]
        fn nothing_that_is_typed_breaks_it(text: String) {
            let _ = Key::parse(&text);
        }
    }
}
