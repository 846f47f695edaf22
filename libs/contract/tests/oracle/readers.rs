//! Which requests are read here, and by what: the printed `read` of each, with values that take anything. The list is printed
//! by `contract-gen`, so that no request is forgotten.

use std::{str::FromStr, sync::LazyLock};

use proto::Message;
use rpc::{Fields, Invalid};
use values::Named;

include!(concat!(env!("OUT_DIR"), "/readers.rs"));

/// A value that takes every text and every number, and has the name of every value of an enum.
#[derive(Debug, Clone, Copy)]
pub struct Anything(&'static str);

impl FromStr for Anything {
    type Err = values::BadTimeZone;

    fn from_str(_: &str) -> Result<Self, Self::Err> {
        Ok(Self("anything"))
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {
        $(
            impl TryFrom<$number> for Anything {
                type Error = values::BadTimeZone;

                fn try_from(_: $number) -> Result<Self, Self::Error> {
                    Ok(Self("anything"))
                }
            }
        )*
    };
}

numbers! { i32 i64 u32 u64 }

impl Named for Anything {
    const NAME: &'static str = "anything";
    const EXPECTED: &'static str = "anything";
    const ALL: &'static [Self] = ALL;

    fn as_str(self) -> &'static str {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        ALL.iter().find(|value| value.0 == text).copied()
    }
}

/// Reads one request.
pub struct Reader {
    /// The full name of the message.
    pub request: &'static str,
    /// Whether it changes some fields of a resource.
    pub patch: bool,
    /// Reads it from the wire.
    pub read: fn(&[u8]) -> Result<(), Invalid>,
}

fn judged<M: Message + Default, R>(sent: &[u8], read: fn(M, &mut Fields) -> Option<R>) -> Result<(), Invalid> {
    let mut fields = Fields::new();
    let read = read(M::decode(sent).unwrap(), &mut fields);
    fields.finish((read,)).map(drop)
}

/// Every reader.
pub static READERS: LazyLock<Vec<Reader>> = LazyLock::new(readers);
