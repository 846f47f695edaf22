//! Numbers that cannot be negative, in columns that could be: `#[record(with = Unsigned)]`.

use values::record::Stored;

/// Per cent in a `smallint`; milliseconds and points in an `integer`, which holds more of them than any lesson has.
pub struct Unsigned;

impl Stored<u8> for Unsigned {
    type As = i16;
    type Error = std::convert::Infallible;

    fn stored(number: &u8) -> i16 {
        i16::from(*number)
    }

    fn read(stored: i16) -> Result<u8, Self::Error> {
        Ok(u8::try_from(stored).unwrap_or(0))
    }
}

impl Stored<u32> for Unsigned {
    type As = i32;
    type Error = std::convert::Infallible;

    fn stored(number: &u32) -> i32 {
        i32::try_from(*number).unwrap_or(i32::MAX)
    }

    fn read(stored: i32) -> Result<u32, Self::Error> {
        Ok(u32::try_from(stored).unwrap_or(0))
    }
}
