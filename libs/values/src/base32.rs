//! Crockford's base 32: digits and letters that nobody takes for each other when a number is read aloud.
//!
//! What stands around the symbols (prefix, year, check) and how kindly a typed number is read differs from number to
//! number; only the alphabet and the way from an id to its symbols are the same.

use uuid::Uuid;

/// The symbols in the order of their values: without I, L, O and U.
pub const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The symbol of the lowest five bits of a value.
pub fn symbol(value: u8) -> char {
    char::from(ALPHABET[usize::from(value & 31)])
}

/// The value of a symbol; none for what is not in the alphabet.
pub fn value(symbol: char) -> Option<u8> {
    let at = ALPHABET.iter().position(|known| char::from(*known) == symbol)?;
    u8::try_from(at).ok()
}

/// The last bits of an id as so many symbols. They are random in a UUIDv7, so that no second source of chance is
/// needed.
pub fn of_last_bits(id: Uuid, symbols: usize) -> String {
    let bits = id.as_u128();
    (0..symbols).rev().map(|at| symbol(u8::try_from((bits >> (5 * at)) & 31).unwrap_or_default())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_is_read_as_it_is_written() {
        for number in 0..32 {
            assert_eq!(value(symbol(number)), Some(number));
        }
        for other in ['I', 'L', 'O', 'U', 'a', 'Ж'] {
            assert_eq!(value(other), None);
        }
    }

    #[test]
    fn the_last_bits_come_last() {
        let id = Uuid::from_u128(0x0198_c2f4_7b1e_7c3a_9d55_3f0e_8a1b_2c4d);
        assert_eq!(of_last_bits(id, 8), "1T51PB2D");
        assert_eq!(of_last_bits(id, 2), "2D");
    }
}
