//! Values as fields of messages: what is only a mapping is listed, and the compiler finds how each value is written.
//!
//! [`show!`](crate::show!) maps a type of a service onto a message, [`message!`](crate::message!) builds a message in place, and
//! [`twins!`](crate::twins!) says which enum of a service is which of the contract. Both list all fields of the message, so that
//! one that is new in the contract does not compile before it is printed.

use std::fmt::Display;

use proto::{lyceum::values::v1::Money as MoneyMessage, wkt};
use time::{Duration, OffsetDateTime};
use values::{Money, Named, Page};

use crate::{Wire, wire::wire};

/// A value that stands in messages as an `M`.
///
/// | the value | the field |
/// |---|---|
/// | whatever has a text by `Display`: ids, texts, dates, numbers | `string` |
/// | `bool`, whole numbers; one that is too large for the field is the largest that it holds | `bool`, `int32`, `int64` |
/// | an enum of [`twins!`](crate::twins!); `None` is 0 | an enum |
/// | `OffsetDateTime`, `time::Duration`, `values::Money` | `Timestamp`, `Duration`, `Money` |
/// | what [`show!`](crate::show!) maps | its message |
/// | `Option`, `Vec` and `Page` of these | `optional`, `repeated`, the answer of a list |
///
/// Messages inside messages are always optional in Rust, so that values that are shown as messages are shown as `Some` of them
/// as well.
#[diagnostic::on_unimplemented(
    message = "a value of type `{Self}` is not shown as `{M}`",
    label = "the field wants `{M}`",
    note = "`contract::show!` maps types onto messages, `contract::twins!` enums onto those of the contract",
    note = "`field = value` takes a value as it is, `field: value` shows it"
)]
pub trait Show<M>: Sized {
    /// The value as it stands in a message.
    fn shown(self) -> M;
}

/// A value as it stands in a message, of the type that is wanted.
pub fn show<M>(value: impl Show<M>) -> M {
    value.shown()
}

/// A text, or none where it is empty: what is left out has no text.
pub fn given<T: AsRef<str>>(text: T) -> Option<T> {
    Some(text).filter(|text| !text.as_ref().is_empty())
}

/// Maps types of a service onto messages of the contract: each `value: Type => pb::Message { … }` implements [`Show`] for the type.
///
/// `field: value` shows a value as the field's type, `field = value` takes one that has this type already. A type that is
/// printed while others hold it is mapped as a reference, and the texts and lists in it are borrowed.
///
/// ```ignore
/// contract::show! {
///     grant: Grant => pb::Grant { run_id: grant.run, title: grant.title, access_duration: grant.access }
///
///     product: &Product => pb::Product {
///         product_id: product.id, etag: product.version, title: &product.title, state: product.state,
///         grants = product.grants.iter().cloned().map(show).collect(), created_at: product.created_at,
///     }
/// }
/// ```
///
/// What more than the value decides is a function beside it, which builds its message by [`message!`](crate::message!).
#[macro_export]
macro_rules! show {
    ($($value:ident: $type:ty => $($message:ident)::+ { $($fields:tt)* })*) => {$(
        impl $crate::Show<$($message)::+> for $type {
            fn shown(self) -> $($message)::+ {
                let $value = self;
                $crate::message! { $($message)::+ { $($fields)* } }
            }
        }

        impl $crate::Show<Option<$($message)::+>> for $type {
            fn shown(self) -> Option<$($message)::+> {
                Some($crate::show(self))
            }
        }
    )*};
}

/// Builds a message: `field: value` shows a value as the field's type, `field = value` takes one that has this type already.
///
/// ```ignore
/// fn run(run: Run, now: OffsetDateTime) -> pb::Run {
///     message! { pb::Run { run_id: run.id, title: run.title, enrolment_open: run.enrolment_open(now) } }
/// }
/// ```
#[macro_export]
macro_rules! message {
    ($($message:ident)::+ { $($field:ident $how:tt $value:expr),* $(,)? }) => {
        $($message)::+ { $($field: $crate::message!(@ $how $value)),* }
    };
    (@ : $value:expr) => { $crate::show($value) };
    (@ = $value:expr) => { $value };
}

/// An enum of a service that has a twin in the contract: they have the same names. [`twins!`](crate::twins!) declares them.
pub trait Twin: Named {
    /// The enum of the contract.
    type Of: Wire;
}

/// Declares which enum of the contract is the twin of which of the service, and a test that they have the same names.
///
/// `contract::twins! { CourseState => pb::course::State, Level => pb::course::Level }`
#[macro_export]
macro_rules! twins {
    ($($ours:ty => $theirs:ty),* $(,)?) => {
        $(
            impl $crate::Twin for $ours {
                type Of = $theirs;
            }
        )*

        #[cfg(test)]
        #[test]
        fn the_contract_and_the_domain_have_the_same_names() {
            $(assert_eq!($crate::same_names::<$theirs, $ours>(), Ok(()));)*
        }
    };
}

impl<T: Display> Show<String> for T {
    fn shown(self) -> String {
        self.to_string()
    }
}

impl<T: Twin> Show<i32> for T {
    fn shown(self) -> i32 {
        wire::<T::Of>(self)
    }
}

impl<T: Twin> Show<i32> for Option<T> {
    fn shown(self) -> i32 {
        self.map_or(0, show)
    }
}

/// Values whose form in a message is found by `From`.
macro_rules! converted {
    ($($value:ty => $message:ty),* $(,)?) => {$(
        impl Show<$message> for $value {
            fn shown(self) -> $message {
                self.into()
            }
        }
    )*};
}
converted! { bool => bool, u8 => i32, u16 => i32, i16 => i32, i32 => i32, i32 => i64, u32 => i64, i64 => i64 }

/// Numbers of things: the largest that the message holds stands for all that are larger.
macro_rules! capped {
    ($($value:ty => $message:ty),* $(,)?) => {$(
        impl Show<$message> for $value {
            fn shown(self) -> $message {
                <$message>::try_from(self).unwrap_or(<$message>::MAX)
            }
        }
    )*};
}
capped! { u32 => i32, usize => i32, u64 => i64, usize => i64 }

/// Values that are messages: a field of their type is an `Option`.
macro_rules! messages {
    ($($name:ident: $value:ty => $message:ty = $shown:expr;)*) => {$(
        impl Show<$message> for $value {
            fn shown(self) -> $message {
                let $name = self;
                $shown
            }
        }

        impl Show<Option<$message>> for $value {
            fn shown(self) -> Option<$message> {
                Some(show(self))
            }
        }
    )*};
}
messages! {
    instant: OffsetDateTime => wkt::Timestamp = instant.into();
    length: Duration => wkt::Duration = length.into();
    money: Money => MoneyMessage = MoneyMessage { minor: money.minor(), currency: money.currency().to_string() };
}

impl<T: Show<M>, M> Show<Option<M>> for Option<T> {
    fn shown(self) -> Option<M> {
        self.map(show)
    }
}

impl<'a, T, M> Show<Option<M>> for &'a Option<T>
where
    &'a T: Show<M>,
{
    fn shown(self) -> Option<M> {
        self.as_ref().map(show)
    }
}

impl<T: Show<M>, M> Show<Vec<M>> for Vec<T> {
    fn shown(self) -> Vec<M> {
        self.into_iter().map(show).collect()
    }
}

impl<'a, T, M> Show<Vec<M>> for &'a Vec<T>
where
    &'a T: Show<M>,
{
    fn shown(self) -> Vec<M> {
        self.iter().map(show).collect()
    }
}

impl<'a, T, M> Show<Vec<M>> for &'a [T]
where
    &'a T: Show<M>,
{
    fn shown(self) -> Vec<M> {
        self.iter().map(show).collect()
    }
}

impl<T: Show<M>, M> Show<Page<M>> for Page<T> {
    fn shown(self) -> Page<M> {
        self.map(show)
    }
}

/// Nobody asks for it. Because of it no value has only one form, so that the compiler takes the form from the field and points at
/// the value that does not fit it, instead of taking it from the value and pointing into the macro.
#[doc(hidden)]
#[derive(Debug)]
pub struct Nothing;

impl<T> Show<Nothing> for T {
    fn shown(self) -> Nothing {
        Nothing
    }
}

#[cfg(test)]
mod tests {
    use proto::lyceum::courses::v1 as pb;
    use time::macros::datetime;
    use values::{Currency, Id, Text};

    use super::*;

    values::kinds! { Lesson => "lesson" }

    #[derive(Clone, Copy, Named)]
    enum Reason {
        NotEnrolled,
        Prerequisite,
    }

    impl Twin for Reason {
        type Of = pb::lesson_lock::Reason;
    }

    struct Lock {
        why: Option<Reason>,
        until: Option<OffsetDateTime>,
        lesson: Id<Lesson>,
    }

    crate::show! {
        lock: Lock => pb::LessonLock { reason: lock.why, until: lock.until, lesson_id: Some(lock.lesson) }
        lock: &Lock => pb::LessonLock {
            reason: lock.why, until: lock.until,
            lesson_id = None,
        }
    }

    const NOON: OffsetDateTime = datetime!(2026-01-31 12:00 UTC);

    fn lock(why: Option<Reason>) -> Lock {
        Lock { why, until: Some(NOON), lesson: Id::new(NOON) }
    }

    #[test]
    fn a_struct_is_shown_field_by_field() {
        let lock = lock(Some(Reason::Prerequisite));
        let shown = |lesson_id| pb::LessonLock {
            reason: pb::lesson_lock::Reason::Prerequisite.into(),
            until: Some(NOON.into()),
            lesson_id,
        };
        assert_eq!(show::<Option<pb::LessonLock>>(&lock), Some(shown(None)));
        assert_eq!(show::<pb::LessonLock>(&lock), shown(None));
        let lesson = lock.lesson.to_string();
        assert_eq!(show::<Vec<pb::LessonLock>>(vec![lock]), [shown(Some(lesson))]);
    }

    #[test]
    fn an_enum_is_the_number_of_its_twin_and_none_is_zero() {
        assert_eq!(show::<i32>(Reason::NotEnrolled), i32::from(pb::lesson_lock::Reason::NotEnrolled));
        assert_eq!(show::<i32>(None::<Reason>), 0);
        assert_eq!(show::<pb::LessonLock>(lock(None)).reason, 0);
    }

    #[test]
    fn texts_are_those_of_display() {
        let text = Text::<1, 9>::parse(" text ").unwrap();
        assert_eq!(show::<String>(&text), "text");
        assert_eq!(show::<Option<String>>(&Some(text)), Some("text".to_owned()));
        assert_eq!(show::<Vec<String>>(&vec![7_i64]), ["7"]);
    }

    #[test]
    fn what_is_a_message_may_be_set_or_optional() {
        let money = Money::new(990, Currency::RUB);
        let shown = MoneyMessage { minor: 990, currency: "RUB".to_owned() };
        assert_eq!(show::<MoneyMessage>(money), shown);
        assert_eq!(show::<Option<MoneyMessage>>(money), Some(shown.clone()));
        assert_eq!(show::<Option<MoneyMessage>>(Some(money)), Some(shown));
        assert_eq!(show::<Option<MoneyMessage>>(None::<Money>), None);
        assert_eq!(
            show::<Option<wkt::Duration>>(Duration::milliseconds(1_500)),
            Some(Duration::milliseconds(1_500).into())
        );
    }

    #[test]
    fn a_number_that_is_too_large_is_the_largest() {
        assert_eq!(show::<i32>(7_u32), 7);
        assert_eq!(show::<i32>(u32::MAX), i32::MAX);
        assert_eq!(show::<i64>(u64::MAX), i64::MAX);
    }

    #[test]
    fn a_page_keeps_its_token() {
        let page = Page { items: vec![1_u8, 2], next: Some("next".to_owned()) };
        assert_eq!(show::<Page<i32>>(page), Page { items: vec![1, 2], next: Some("next".to_owned()) });
    }
}
