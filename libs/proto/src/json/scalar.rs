//! The JSON forms of everything that is not a message of ours.

use std::{collections::BTreeMap, str::FromStr};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};

use crate::wkt::{Duration, FieldMask, Timestamp};

use super::{At, Fault, Json, Out, Value};

impl Json for String {
    fn write(&self, out: &mut Out) {
        out.text(self);
    }

    fn read(value: &Value, at: &mut At) -> Self {
        let Value::String(text) = value else {
            at.refuse("expected text");
            return Self::new();
        };
        text.clone()
    }
}

impl Json for bool {
    fn write(&self, out: &mut Out) {
        out.raw(if *self { "true" } else { "false" });
    }

    fn read(value: &Value, at: &mut At) -> Self {
        value.as_bool().unwrap_or_else(|| {
            at.refuse("expected true or false");
            false
        })
    }
}

/// Numbers that every JSON reader keeps exactly.
macro_rules! small_numbers {
    ($($number:ty)*) => {
        $(
            impl Json for $number {
                fn write(&self, out: &mut Out) {
                    out.raw(itoa::Buffer::new().format(*self));
                }

                fn read(value: &Value, at: &mut At) -> Self {
                    number(value, at)
                }
            }
        )*
    };
}
small_numbers!(i32 u32);

/// Numbers that may exceed 2^53, which JavaScript would round: they are texts.
macro_rules! big_numbers {
    ($($number:ty)*) => {
        $(
            impl Json for $number {
                fn write(&self, out: &mut Out) {
                    out.plain(itoa::Buffer::new().format(*self));
                }

                fn read(value: &Value, at: &mut At) -> Self {
                    number(value, at)
                }
            }
        )*
    };
}
big_numbers!(i64 u64);

/// Takes a number or its text, as the mapping allows for every width.
fn number<T: TryFrom<i128> + Default>(value: &Value, at: &mut At) -> T {
    let whole = match value {
        Value::Number(number) => number.as_i128().or_else(|| number.as_f64().and_then(exact)),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    let Some(whole) = whole else {
        at.refuse("expected a whole number");
        return T::default();
    };
    T::try_from(whole).unwrap_or_else(|_| {
        at.refuse_as(Fault::OutOfRange, "the number is out of range");
        T::default()
    })
}

/// `1.0` and `1e3` are whole numbers, too, as long as a double keeps them exactly.
fn exact(number: f64) -> Option<i128> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i128)
}

macro_rules! texts {
    ($($kind:ty)*) => {
        $(
            impl Json for $kind {
                fn write(&self, out: &mut Out) {
                    out.plain(self);
                }

                fn read(value: &Value, at: &mut At) -> Self {
                    value.as_str().ok_or("expected text").and_then(Self::from_str).unwrap_or_else(|message| {
                        at.refuse(message);
                        Self::default()
                    })
                }
            }
        )*
    };
}
texts!(Timestamp Duration FieldMask);

impl Json for Vec<u8> {
    fn write(&self, out: &mut Out) {
        out.base64(self);
    }

    /// Takes the standard and the address-safe alphabet, padded or not.
    fn read(value: &Value, at: &mut At) -> Self {
        let decode = |text: &str| {
            let unpadded = text.trim_end_matches('=').replace('+', "-").replace('/', "_");
            STANDARD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(unpadded)).ok()
        };
        value.as_str().and_then(decode).unwrap_or_else(|| {
            at.refuse("expected base64");
            Self::new()
        })
    }
}

impl<T: Json> Json for Vec<T> {
    fn write(&self, out: &mut Out) {
        out.list(self, |item, out| item.write(out));
    }

    fn read(value: &Value, at: &mut At) -> Self {
        at.list(value, T::read)
    }
}

impl<T: Json> Json for Box<T> {
    fn write(&self, out: &mut Out) {
        (**self).write(out);
    }

    fn read(value: &Value, at: &mut At) -> Self {
        Self::new(T::read(value, at))
    }
}

impl<T: Json> Json for BTreeMap<String, T> {
    fn write(&self, out: &mut Out) {
        out.open();
        for (key, value) in self {
            out.comma();
            out.text(key);
            out.raw(":");
            value.write(out);
        }
        out.close();
    }

    fn read(value: &Value, at: &mut At) -> Self {
        let mut entries = Self::new();
        at.map(value, &mut |key, value, at| {
            entries.insert(key.to_owned(), T::read(value, at));
        });
        entries
    }
}
