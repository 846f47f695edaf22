//! Who is calling, and what they may do.

use crate::{AUTHORIZATION, Refused};
use http::{HeaderMap, HeaderValue};
use rpc::{Kind, Refusal};
use std::{fmt, str::FromStr, sync::Arc};
use uuid::Uuid;

/// Who is calling. Proved by a token, never by where the call comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Caller {
    /// Nobody who said who they are.
    #[default]
    Anonymous,
    /// A signed-in person.
    Person(Person),
    /// A service of the fleet that acts by itself.
    Service(ServiceName),
}

impl Caller {
    /// The person who is calling, or a refusal if nobody is signed in.
    pub fn person(&self) -> Result<&Person, Unauthenticated> {
        match self {
            Self::Person(person) => Ok(person),
            Self::Anonymous | Self::Service(_) => Err(Unauthenticated),
        }
    }

    /// Whether this is a person whose roles grant the permission. Services have none: they call rpcs of their own.
    pub fn has(&self, permission: &str) -> bool {
        matches!(self, Self::Person(person) if person.has(permission))
    }

    /// How logs, events and idempotency records name the caller: `user:<uuid>`, `service:<name>` or `anonymous`.
    pub fn actor(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => out.write_str("anonymous"),
            Self::Person(person) => write!(out, "user:{}", person.user),
            Self::Service(name) => write!(out, "service:{name}"),
        }
    }
}

/// A signed-in person, as the token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The account.
    pub user: Uuid,
    /// The session in which the token was issued.
    pub session: Uuid,
    /// The roles, such as `manager`. For showing; decisions ask [`Person::has`].
    pub roles: Vec<String>,
    /// What the roles allow, such as `courses.edit`.
    pub permissions: Vec<String>,
    /// How the person proved who they are (RFC 8176), such as `pwd`.
    pub amr: Vec<String>,
    /// The organisation for which the person acts, if any.
    pub org: Option<Uuid>,
}

impl Person {
    /// Whether the person's roles grant the permission.
    pub fn has(&self, permission: &str) -> bool {
        self.permissions.iter().any(|granted| granted == permission)
    }
}

/// Nobody is signed in, but somebody must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Sign in to do this.")]
pub struct Unauthenticated;

impl Refusal for Unauthenticated {
    fn kind(&self) -> Kind {
        Kind::Unauthenticated
    }

    fn reason(&self) -> &'static str {
        "SIGN_IN_REQUIRED"
    }
}

impl From<Unauthenticated> for tonic::Status {
    fn from(refused: Unauthenticated) -> Self {
        rpc::status(&refused)
    }
}

/// The name of a service of the fleet: up to 32 lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServiceName(Arc<str>);

/// A text that cannot name a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the name of a service: up to 32 lower-case letters, digits and hyphens")]
pub struct BadServiceName;

impl ServiceName {
    /// Takes a name.
    pub fn parse(text: &str) -> Result<Self, BadServiceName> {
        let fits = (1..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if fits { Ok(Self(text.into())) } else { Err(BadServiceName) }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceName {
    type Err = BadServiceName;

    fn from_str(text: &str) -> Result<Self, BadServiceName> {
        Self::parse(text)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// A person's own token, kept so that a service can ask a neighbour on the person's behalf. It cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct CallerToken(HeaderValue);

impl CallerToken {
    /// Takes a token without `Bearer`; `None` if it cannot stand in a header.
    pub fn new(token: &str) -> Option<Self> {
        HeaderValue::try_from(format!("Bearer {token}")).ok().map(Self::of_header)
    }

    /// Takes the value of an `authorization` header.
    pub(crate) fn of_header(mut header: HeaderValue) -> Self {
        header.set_sensitive(true);
        Self(header)
    }

    /// The value of the `authorization` header.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for CallerToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("CallerToken(…)")
    }
}

/// The bearer token among the headers, if there is one. A credential of another kind, or two, is refused rather than
/// ignored.
pub fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    let mut sent = headers.get_all(AUTHORIZATION).iter();
    let (Some(first), None) = (sent.next(), sent.next()) else {
        return if headers.contains_key(AUTHORIZATION) { Err(Refused::token("sent twice")) } else { Ok(None) };
    };
    let text = first.to_str().map_err(|_| Refused::token("not text"))?;
    match text.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim_start())),
        _ => Err(Refused::token("not a bearer token")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let name = || http::HeaderName::from_static(AUTHORIZATION);
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_one_bearer_token_is_taken() {
        assert_eq!(bearer(&headers(&[])).unwrap(), None);
        assert_eq!(bearer(&headers(&["Bearer abc"])).unwrap(), Some("abc"));
        assert_eq!(bearer(&headers(&["bearer  abc"])).unwrap(), Some("abc"));
        for bad in [&["Basic abc"][..], &["abc"], &["Bearer a", "Bearer a"], &[""]] {
            assert_eq!(bearer(&headers(bad)).unwrap_err().reason(), "TOKEN_INVALID", "{bad:?}");
        }
    }

    #[test]
    fn a_token_cannot_be_printed() {
        let token = CallerToken::new("secret").unwrap();
        assert!(!format!("{token:?} {:?}", token.header()).contains("secret"));
        assert_eq!(CallerToken::new("two\nlines"), None);
    }

    #[test]
    fn only_people_have_permissions() {
        let (user, session) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let permissions = vec!["courses.edit".to_owned()];
        let person = Person { user, session, roles: vec![], permissions, amr: vec![], org: None };
        let person = Caller::Person(person);
        assert!(person.has("courses.edit") && !person.has("courses") && !person.has("users.read"));
        let service = Caller::Service(ServiceName::parse("courses").unwrap());
        assert!(!service.has("courses.edit") && !Caller::Anonymous.has("courses.edit"));
        assert!(service.person().is_err() && Caller::Anonymous.person().is_err());
        let actors = [person.actor(), service.actor(), Caller::Anonymous.actor()];
        assert_eq!(actors, ["user:00000000-0000-0000-0000-000000000001", "service:courses", "anonymous"]);
    }

    #[test]
    fn names_of_services_are_plain() {
        assert!(ServiceName::parse("contract-gen2").is_ok());
        for bad in ["", "Users", "a.b", "a b", "пользователи", &"x".repeat(33)] {
            assert!(ServiceName::parse(bad).is_err(), "{bad:?}");
        }
    }
}
