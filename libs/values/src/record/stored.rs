//! Values that are kept as a column of another type: `#[record(with = values::record::Seconds)]`.

use time::Duration;

/// Keeps a `T` as another type.
pub trait Stored<T> {
    /// What the column holds.
    type As;
    /// Why a stored value is refused.
    type Error: Into<Box<dyn std::error::Error + Send + Sync>>;

    /// What is stored.
    fn stored(value: &T) -> Self::As;

    /// Reads what was stored.
    ///
    /// # Errors
    ///
    /// It makes no sense.
    fn read(stored: Self::As) -> Result<T, Self::Error>;
}

/// A duration as whole seconds in a `bigint`.
#[derive(Debug)]
pub struct Seconds;

/// A duration as whole microseconds in a `bigint`.
#[derive(Debug)]
pub struct Microseconds;

impl Stored<Duration> for Seconds {
    type As = i64;
    type Error = std::convert::Infallible;

    fn stored(value: &Duration) -> i64 {
        value.whole_seconds()
    }

    fn read(stored: i64) -> Result<Duration, Self::Error> {
        Ok(Duration::seconds(stored))
    }
}

impl Stored<Duration> for Microseconds {
    type As = i64;
    type Error = std::convert::Infallible;

    fn stored(value: &Duration) -> i64 {
        i64::try_from(value.whole_microseconds()).unwrap_or(i64::MAX)
    }

    fn read(stored: i64) -> Result<Duration, Self::Error> {
        Ok(Duration::microseconds(stored))
    }
}

/// What may be absent, as NULL.
impl<T, S: Stored<T>> Stored<Option<T>> for S {
    type As = Option<S::As>;
    type Error = S::Error;

    fn stored(value: &Option<T>) -> Self::As {
        value.as_ref().map(S::stored)
    }

    fn read(stored: Self::As) -> Result<Option<T>, Self::Error> {
        stored.map(S::read).transpose()
    }
}
