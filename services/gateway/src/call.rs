//! A REST call on its way to an rpc. The generated routes use nothing else.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, RawPathParams, Request},
};
use http::{HeaderMap, StatusCode};
use proto::{
    Access, Idempotency, Method,
    json::{Json, Value, in_camel_case},
    wkt::FieldMask,
};
use rpc::{IDEMPOTENCY_KEY, Violation, ViolationCode};
use values::IdempotencyKey;

use crate::{
    admit::{SignedIn, Wish, admit},
    app::App,
    body, etag,
    origin::Visitor,
    parameter::{Said, Took, pairs, said},
    problem::Problem,
    routes::Backends,
};

/// A request whose route is known and whose body has not been read.
pub struct Call {
    app: Arc<App>,
    headers: HeaderMap,
    visitor: Visitor,
    query: String,
    /// Decoded, in the order of the template.
    path: Vec<String>,
    body: Body,
    reads: bool,
}

impl FromRequest<Arc<App>> for Call {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let path = RawPathParams::from_request_parts(&mut parts, app).await.map_err(|_| {
            let detail = "The address holds a percent escape that is not UTF-8.";
            Problem::new(StatusCode::BAD_REQUEST, "INVALID_PATH", detail)
        })?;
        Ok(Self {
            app: Arc::clone(app),
            visitor: Visitor::of(app, &parts),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            path: path.iter().map(|(_, value)| value.to_owned()).collect(),
            body,
            reads: parts.method.is_safe(),
            headers: parts.headers,
        })
    }
}

impl Call {
    /// Checks what the contract says about callers and keys. The body is handed out unread.
    pub async fn admit(self, method: &'static Method) -> Result<(Admitted, Body), Problem> {
        // Everything that is done without signing in could be an attempt to get in.
        let guessable = method.access == Access::Public && !self.reads;
        let wish = Wish { access: method.access, guessable };
        let signed_in = admit(&self.app, &self.headers, &self.visitor, wish).await?;
        let key = key(&self.headers, method.idempotency)?;
        let admitted = Admitted {
            lenient: is_lenient(&self.headers),
            reads: self.reads,
            app: self.app,
            method,
            signed_in,
            key,
            headers: self.headers,
            visitor: self.visitor,
            query: self.query,
            path: self.path,
            body_field: None,
            body_keys: Vec::new(),
            violations: Vec::new(),
        };
        Ok((admitted, self.body))
    }
}

/// The key, where the contract wants or honours one.
fn key(headers: &HeaderMap, idempotency: Idempotency) -> Result<Option<IdempotencyKey>, Problem> {
    let mut sent = headers.get_all(IDEMPOTENCY_KEY).iter();
    let refused = |code, detail: String| Err(Problem::new(StatusCode::BAD_REQUEST, code, detail));
    match (idempotency, sent.next(), sent.next()) {
        (Idempotency::None, ..) | (Idempotency::Optional, None, _) => Ok(None),
        (Idempotency::Required, None, _) => {
            refused("IDEMPOTENCY_KEY_REQUIRED", "Send an Idempotency-Key, the same for every attempt.".to_owned())
        }
        (_, Some(_), Some(_)) => refused("IDEMPOTENCY_KEY_INVALID", "Send one Idempotency-Key.".to_owned()),
        (_, Some(one), None) => match IdempotencyKey::parse(one.to_str().unwrap_or_default()) {
            Ok(key) => Ok(Some(key)),
            Err(error) => refused("IDEMPOTENCY_KEY_INVALID", format!("The Idempotency-Key is wrong: {error}.")),
        },
    }
}

/// Whether the client may be newer than we are: `Prefer: handling=lenient` (RFC 7240).
fn is_lenient(headers: &HeaderMap) -> bool {
    let lines = headers.get_all("prefer").iter().filter_map(|line| line.to_str().ok());
    let mut preferences = lines.flat_map(|line| line.split(','));
    preferences.any(|preference| {
        let plain: String =
            preference.split(';').next().unwrap_or_default().chars().filter(|c| !c.is_whitespace()).collect();
        plain.replace('"', "").eq_ignore_ascii_case("handling=lenient")
    })
}

/// A call that was let in. Mistakes in its parameters are collected and refused together.
pub struct Admitted {
    pub(crate) app: Arc<App>,
    pub(crate) method: &'static Method,
    pub(crate) lenient: bool,
    /// The field of the request that the body is, when it is not the whole.
    pub(crate) body_field: Option<&'static str>,
    pub(crate) headers: HeaderMap,
    /// Whether the request changes nothing.
    pub(crate) reads: bool,
    signed_in: Option<SignedIn>,
    key: Option<IdempotencyKey>,
    visitor: Visitor,
    query: String,
    path: Vec<String>,
    /// The names that stand in the body's object.
    body_keys: Vec<String>,
    violations: Vec<Violation>,
}

impl Admitted {
    /// The services behind the routes.
    pub fn backends(&self) -> &Backends {
        &self.app.backends
    }

    /// Whether the answer is for one person only.
    pub(crate) fn is_personal(&self) -> bool {
        self.signed_in.is_some() || self.method.access != Access::Public
    }

    /// Reads the body: the whole request, or the one field of it with this name. What does not fit is collected, too.
    pub async fn body<T: Json + Default>(&mut self, body: Body, field: Option<&'static str>) -> Result<T, Problem> {
        self.body_field = field;
        let tree = self.tree(body).await?;
        Ok(body::message(&tree, self.lenient).unwrap_or_else(|wrong| {
            self.violations.extend(wrong);
            T::default()
        }))
    }

    /// Not generic, so that it is compiled once.
    async fn tree(&mut self, body: Body) -> Result<Value, Problem> {
        let tree = body::tree(&self.headers, body, self.method.body_limit).await?;
        if let Value::Object(fields) = &tree {
            self.body_keys = fields.keys().cloned().collect();
        }
        Ok(tree)
    }

    /// Reads which version of a thing is to be changed.
    pub fn if_match(&mut self, version: &mut String) {
        match etag::expected(&self.headers) {
            Ok(expected) => *version = expected,
            Err(told) => self.wrong("If-Match", said(ViolationCode::Malformed, told)),
        }
    }

    /// Refuses a body where none belongs.
    pub fn no_body(&self, body: Body) -> Result<(), Problem> {
        drop(body);
        if body::is_announced(&self.headers) {
            return Err(Problem::new(StatusCode::BAD_REQUEST, "BODY_NOT_EXPECTED", "This request takes no body."));
        }
        Ok(())
    }

    /// Shows every query parameter to `take`.
    pub fn query(&mut self, mut take: impl FnMut(&str, &str) -> Result<Took, Said>) {
        let pairs = match pairs(&self.query) {
            Ok(pairs) => pairs,
            Err(_) => {
                let told = "the query holds a wrong percent escape, or one that is not UTF-8";
                return self.wrong("", said(ViolationCode::Malformed, told));
            }
        };
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in &pairs {
            // Both spellings of a parameter are one.
            let spelling = in_camel_case(name);
            match take(name, value) {
                Ok(Took::Unknown) if self.lenient => {}
                Ok(Took::Unknown) => self.wrong(name, said(ViolationCode::UnknownField, "no such parameter")),
                Ok(Took::Once) if seen.contains(&spelling) => {
                    self.wrong(name, said(ViolationCode::NotAllowed, "may be sent once only"));
                }
                Ok(Took::Once | Took::Again) => {}
                Err(said) => self.wrong(name, said),
            }
            seen.push(spelling);
        }
    }

    /// Refuses query parameters where there are none.
    pub fn no_query(&mut self) {
        self.query(|_, _| Ok(Took::Unknown));
    }

    /// Reads a variable of the path. `names` are its spellings, under which it must not stand in the body, too.
    pub fn path(&mut self, place: usize, names: [&'static str; 2], read: impl FnOnce(&str) -> Result<(), Said>) {
        if self.body_field.is_none() && self.body_keys.iter().any(|key| names.contains(&key.as_str())) && !self.lenient
        {
            self.wrong(names[0], said(ViolationCode::NotAllowed, "stands in the path, not in the body"));
        }
        let value = self.path.get(place).map(String::as_str).unwrap_or_default();
        if let Err(said) = read(value) {
            self.wrong(names[0], said);
        }
    }

    /// What a PATCH changes: what its mask says, else the fields of its body. `writable` are the fields that can be
    /// changed, `fixed` those that are set once, both as JSON and the contract spell them.
    pub fn mask(
        &mut self,
        sent: Option<FieldMask>,
        writable: &[(&str, &str)],
        fixed: &[(&str, &str)],
    ) -> Option<FieldMask> {
        let Some(mask) = sent else {
            let is_named = |(json, proto): &(&str, &str)| self.body_keys.iter().any(|key| key == json || key == proto);
            let refused: Vec<&str> = fixed.iter().filter(|field| is_named(field)).map(|(json, _)| *json).collect();
            for field in refused {
                self.wrong(field, said(ViolationCode::NotAllowed, "cannot be changed"));
            }
            // What only the server sets may stand in the body of somebody who sends back what was read.
            let named = self.body_keys.iter().filter_map(|key| {
                let found = writable.iter().find(|(json, proto)| key == json || key == proto);
                found.map(|(_, proto)| (*proto).to_owned())
            });
            return Some(FieldMask { paths: named.collect() });
        };
        let is_writable = |path: &str| {
            let first = path.split('.').next().unwrap_or_default();
            path == "*" || writable.iter().any(|(_, proto)| *proto == first)
        };
        for path in mask.paths.iter().filter(|path| !is_writable(path)) {
            let mask = FieldMask { paths: vec![path.clone()] };
            let told = format!("{mask} is no field that can be changed");
            self.wrong("updateMask", said(ViolationCode::UnknownValue, told));
        }
        Some(mask)
    }

    /// Where a stream goes on after a break. A browser that comes back by itself asks with its first address again, so
    /// what its `Last-Event-ID` says is newer than what the query says.
    pub fn resume(&mut self, after: &mut String) {
        let Some(sent) = self.headers.get("last-event-id").filter(|sent| !sent.is_empty()) else { return };
        match str::from_utf8(sent.as_bytes()).map(str::to_owned) {
            Ok(seen) => *after = seen,
            Err(_) => self.wrong("Last-Event-ID", said(ViolationCode::Malformed, "expected the id of an event")),
        }
    }

    fn wrong(&mut self, field: &str, said: Said) {
        self.violations.push(Violation { field: field.to_owned(), ..said });
    }

    /// The message, unless something about the parameters was wrong.
    pub fn checked<T>(&mut self, message: T) -> Result<T, Problem> {
        let violations = std::mem::take(&mut self.violations);
        if violations.is_empty() { Ok(message) } else { Err(Problem::invalid(violations)) }
    }

    /// Whether the request may be sent again because its key makes it happen once.
    pub fn has_key(&self) -> bool {
        self.key.is_some()
    }

    /// The same as [`request`](Self::request) for one of several attempts.
    pub fn attempt<T: Clone>(&self, message: &T) -> tonic::Request<T> {
        self.request(message.clone())
    }

    /// The message with everything that travels along: who asks, from where, and the key.
    pub fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        self.visitor.origin.write(request.metadata_mut());
        if let Some(key) = self.key.as_ref().and_then(|key| key.as_str().parse().ok()) {
            request.metadata_mut().insert(IDEMPOTENCY_KEY, key);
        }
        if let Some(signed_in) = &self.signed_in {
            auth::on_behalf(&mut request, signed_in.token.clone());
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn lenience_is_asked_for_in_every_spelling_of_the_standard() {
        for lenient in ["handling=lenient", "respond-async, Handling = \"lenient\"", "handling=lenient; wait=1"] {
            assert!(is_lenient(&headers("prefer", &[lenient])), "{lenient}");
        }
        assert!(is_lenient(&headers("prefer", &["respond-async", "handling=lenient"])));
        for strict in ["handling=strict", "lenient", "x-handling=lenient", ""] {
            assert!(!is_lenient(&headers("prefer", &[strict])), "{strict}");
        }
    }

    #[test]
    fn keys_are_wanted_honoured_or_ignored() {
        let read = |values: &[&str], idempotency| key(&headers(IDEMPOTENCY_KEY, values), idempotency);
        assert!(read(&[], Idempotency::Required).is_err());
        assert!(read(&[], Idempotency::Optional).unwrap().is_none());
        assert_eq!(read(&["order-0001"], Idempotency::Optional).unwrap().unwrap().as_str(), "order-0001");
        assert!(read(&["short"], Idempotency::Optional).is_err());
        assert!(read(&["order-0001", "order-0001"], Idempotency::Required).is_err());
        assert!(read(&["short"], Idempotency::None).unwrap().is_none());
    }
}
