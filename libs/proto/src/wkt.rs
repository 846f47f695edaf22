//! The three well-known types that the contract uses, with their canonical JSON texts.

use std::{fmt, str::FromStr};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// An instant, `google.protobuf.Timestamp`; in JSON `2026-01-31T09:00:00.123Z`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Timestamp {
    /// Seconds since 1970-01-01T00:00:00Z.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds that are added, 0 to 999,999,999.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// A length of time, `google.protobuf.Duration`; in JSON `3.5s`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Duration {
    /// Whole seconds.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds that are added, of the same sign.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// Names of fields, `google.protobuf.FieldMask`; in JSON `title,price.minor`.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct FieldMask {
    /// Paths as the .proto writes them, such as `create_time`.
    #[prost(string, repeated, tag = "1")]
    pub paths: Vec<String>,
}

macro_rules! named {
    ($($name:ident)*) => {
        $(
            impl ::prost::Name for $name {
                const NAME: &'static str = stringify!($name);
                const PACKAGE: &'static str = "google.protobuf";
            }
        )*
    };
}
named!(Timestamp Duration FieldMask);

const NANOS_PER_SECOND: i32 = 1_000_000_000;
/// The bound that protobuf sets for durations: 10,000 years.
const LONGEST: i64 = 315_576_000_000;

impl From<OffsetDateTime> for Timestamp {
    fn from(time: OffsetDateTime) -> Self {
        Self { seconds: time.unix_timestamp(), nanos: i32::try_from(time.nanosecond()).unwrap_or_default() }
    }
}

impl Timestamp {
    /// The instant, or nothing when it lies outside the years that `time` knows or its nanoseconds are no fraction.
    pub fn to_time(&self) -> Option<OffsetDateTime> {
        let nanos = u32::try_from(self.nanos).ok()?;
        OffsetDateTime::from_unix_timestamp(self.seconds).ok()?.replace_nanosecond(nanos).ok()
    }
}

impl From<time::Duration> for Duration {
    fn from(length: time::Duration) -> Self {
        Self { seconds: length.whole_seconds(), nanos: length.subsec_nanoseconds() }
    }
}

impl Duration {
    /// The length, or nothing when its parts contradict each other or exceed 10,000 years.
    pub fn to_duration(&self) -> Option<time::Duration> {
        let contradicts = (self.seconds > 0 && self.nanos < 0) || (self.seconds < 0 && self.nanos > 0);
        let too_long = self.seconds.unsigned_abs() > LONGEST.unsigned_abs() || self.nanos.abs() >= NANOS_PER_SECOND;
        (!contradicts && !too_long).then(|| time::Duration::new(self.seconds, self.nanos))
    }
}

/// Writes the fraction of a second with 0, 3, 6 or 9 digits, as canonical JSON wants it.
fn fraction(out: &mut fmt::Formatter<'_>, nanos: u32) -> fmt::Result {
    match nanos {
        0 => Ok(()),
        nanos if nanos % 1_000_000 == 0 => write!(out, ".{:03}", nanos / 1_000_000),
        nanos if nanos % 1_000 == 0 => write!(out, ".{:06}", nanos / 1_000),
        nanos => write!(out, ".{nanos:09}"),
    }
}

impl fmt::Display for Timestamp {
    /// An instant outside the years 0001 to 9999 has no text; it is written as the epoch, because an answer with a
    /// strange time is better than no answer.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let time = self.to_time().filter(|time| (1..=9999).contains(&time.year()));
        let time = time.unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let (year, month, day) = time.to_calendar_date();
        let (hour, minute, second) = time.to_hms();
        write!(out, "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}", u8::from(month))?;
        fraction(out, time.nanosecond())?;
        out.write_str("Z")
    }
}

impl FromStr for Timestamp {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SAY: &str = "expected an RFC 3339 time such as 2026-01-31T09:00:00Z";
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| SAY)?;
        let utc = time.checked_to_offset(time::UtcOffset::UTC).ok_or(SAY)?;
        if (1..=9999).contains(&utc.year()) { Ok(utc.into()) } else { Err(SAY) }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.seconds < 0 || self.nanos < 0 {
            out.write_str("-")?;
        }
        write!(out, "{}", self.seconds.unsigned_abs())?;
        fraction(out, self.nanos.unsigned_abs())?;
        out.write_str("s")
    }
}

impl FromStr for Duration {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SAY: &str = "expected a duration in seconds such as 3.5s";
        let body = text.strip_suffix('s').ok_or(SAY)?;
        let (sign, body) = body.strip_prefix('-').map_or((1, body), |body| (-1, body));
        let (whole, fraction) = body.split_once('.').unwrap_or((body, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 9 {
            return Err(SAY);
        }
        let seconds: i64 = whole.parse().map_err(|_| SAY)?;
        if seconds > LONGEST {
            return Err("the duration is too long");
        }
        let nanos: i32 = format!("{fraction:0<9}").parse().map_err(|_| SAY)?;
        Ok(Self { seconds: i64::from(sign) * seconds, nanos: sign * nanos })
    }
}

impl fmt::Display for FieldMask {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, path) in self.paths.iter().enumerate() {
            if index > 0 {
                out.write_str(",")?;
            }
            let mut words = path.split('_');
            out.write_str(words.next().unwrap_or_default())?;
            for word in words {
                let (first, rest) = word.split_at(word.chars().next().map_or(0, char::len_utf8));
                write!(out, "{}{rest}", first.to_ascii_uppercase())?;
            }
        }
        Ok(())
    }
}

impl FromStr for FieldMask {
    type Err = &'static str;

    /// Takes lowerCamelCase, which is canonical, and the names as they stand in the .proto.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"_.*".contains(&byte);
        let mut paths = Vec::new();
        for path in text.split(',').map(str::trim).filter(|path| !path.is_empty()) {
            if !path.bytes().all(known) {
                return Err("expected names of fields, separated by commas");
            }
            let mut snake = String::with_capacity(path.len() + 4);
            for letter in path.chars() {
                if letter.is_ascii_uppercase() {
                    snake.push('_');
                }
                snake.push(letter.to_ascii_lowercase());
            }
            paths.push(snake);
        }
        Ok(Self { paths })
    }
}
