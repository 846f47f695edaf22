//! Typed identifiers: a course's id does not fit where a learner's belongs.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr};

use sqlx::{
    Postgres,
    encode::IsNull,
    error::BoxDynError,
    postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef},
};
use time::OffsetDateTime;
use uuid::{NoContext, Timestamp, Uuid};

/// What an id identifies. Declare the kinds of a service in one list with [`kinds!`](crate::kinds).
pub trait Kind: 'static {
    /// The kind's name as it stands in messages, such as `course`.
    const NAME: &'static str;
}

/// Declares the kinds of ids that a service knows; append only.
///
/// `values::kinds! { Course => "course", Run => "run" }`
#[macro_export]
macro_rules! kinds {
    ($($kind:ident => $name:literal),* $(,)?) => {
        $(
            #[doc = concat!("The kind of an id of a ", $name, ".")]
            #[derive(Debug, Clone, Copy)]
            pub enum $kind {}
            impl $crate::Kind for $kind {
                const NAME: &'static str = $name;
            }
        )*
    };
}

/// The id of a `K`: a UUID, version 7 for what we make ourselves, so that ids grow with time and indexes stay dense.
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> Id<K> {
    /// Makes a new id that carries `now`; the rest of it is random.
    pub fn new(now: OffsetDateTime) -> Self {
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        Self::from_uuid(Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, now.nanosecond())))
    }
}

impl<K> Id<K> {
    /// The same id as that of another kind: one person is a user to one service and a learner to another.
    pub const fn cast<Other>(self) -> Id<Other> {
        Id::from_uuid(self.uuid)
    }

    /// Takes a UUID for the id of a `K`.
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, kind: PhantomData }
    }

    /// The UUID inside.
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }
}

/// A text that is not an id of the kind that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the id of {article} {0}, such as 0198c2f4-7b1e-7c3a-9d55-3f0e8a1b2c4d", article = article(.0))]
pub struct NotAnId(&'static str);

/// The article that a kind's name goes with. A `u` at the beginning sounds like one in "a user" and not in "an upload".
fn article(name: &str) -> &'static str {
    let vowel = name.starts_with(['a', 'e', 'i', 'o', 'u']) && !name.starts_with("us");
    if vowel { "an" } else { "a" }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = NotAnId;

    /// Reads only the hyphenated form, so that one id has one spelling in addresses, logs and caches.
    fn from_str(text: &str) -> Result<Self, NotAnId> {
        if text.len() != uuid::fmt::Hyphenated::LENGTH {
            return Err(NotAnId(K::NAME));
        }
        Uuid::try_parse(text).map(Self::from_uuid).map_err(|_| NotAnId(K::NAME))
    }
}

impl<K> fmt::Display for Id<K> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.hyphenated().fmt(out)
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", K::NAME, self.uuid)
    }
}

// Written out because derives would ask the same of `K`, which is only a name.
impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<K> hash::Hash for Id<K> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<K> serde::Serialize for Id<K> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.uuid.serialize(to)
    }
}
impl<'de, K> serde::Deserialize<'de> for Id<K> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Uuid::deserialize(from).map(Self::from_uuid)
    }
}

impl<K> sqlx::Type<Postgres> for Id<K> {
    fn type_info() -> PgTypeInfo {
        <Uuid as sqlx::Type<Postgres>>::type_info()
    }
    fn compatible(info: &PgTypeInfo) -> bool {
        <Uuid as sqlx::Type<Postgres>>::compatible(info)
    }
}
impl<K> PgHasArrayType for Id<K> {
    fn array_type_info() -> PgTypeInfo {
        <Uuid as PgHasArrayType>::array_type_info()
    }
}
impl<K> sqlx::Encode<'_, Postgres> for Id<K> {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        self.uuid.encode_by_ref(buffer)
    }
}
impl<'r, K> sqlx::Decode<'r, Postgres> for Id<K> {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        <Uuid as sqlx::Decode<Postgres>>::decode(value).map(Self::from_uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    kinds! { Course => "course", Option => "option", Upload => "upload", User => "user" }

    #[test]
    fn an_id_is_read_as_it_was_written() {
        let id = Id::<Course>::new(time::macros::datetime!(2026-01-31 09:00 UTC));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(format!("{id:?}"), format!("course:{id}"));
        assert_eq!(id.uuid().get_version_num(), 7);
    }

    #[test]
    fn the_same_id_names_one_person_in_two_roles() {
        let course = Id::<Course>::new(time::macros::datetime!(2026-01-31 09:00 UTC));
        assert_eq!(course.cast::<User>().uuid(), course.uuid());
    }

    #[test]
    fn a_kind_has_its_article() {
        let told = |refused: NotAnId| refused.to_string().split(',').next().unwrap_or_default().to_owned();
        assert_eq!(told("".parse::<Id<Option>>().unwrap_err()), "expected the id of an option");
        assert_eq!(told("".parse::<Id<Upload>>().unwrap_err()), "expected the id of an upload");
        assert_eq!(told("".parse::<Id<User>>().unwrap_err()), "expected the id of a user");
    }

    #[test]
    fn ids_grow_with_time() {
        let at = time::macros::datetime!(2026-01-31 09:00 UTC);
        assert!(Id::<Course>::new(at) < Id::<Course>::new(at + time::Duration::milliseconds(1)));
    }

    #[test]
    fn what_is_not_an_id_is_refused_with_the_kind_in_the_message() {
        for text in [
            "",
            "1",
            "{0198c2f4-7b1e-7c3a-9d55-3f0e8a1b2c4d}",
            "0198c2f47b1e7c3a9d553f0e8a1b2c4d",
            "zz98c2f4-7b1e-7c3a-9d55-3f0e8a1b2c4d",
        ] {
            let refused = text.parse::<Id<Course>>().unwrap_err();
            assert!(refused.to_string().contains("id of a course"), "{refused}");
        }
    }
}
