//! The door: messages become commands, values become messages. Rules, SQL and transactions are elsewhere.

mod authoring;
mod catalog;
mod content;
mod drafts;
mod enrolments;
mod learning;
mod page;
mod pages;
mod quizzes;
mod show;

use std::sync::Arc;

use pg::Idempotent;
use proto::{
    Message,
    lyceum::courses::v1::{
        authoring_service_server::AuthoringServiceServer, catalog_service_server::CatalogServiceServer,
        enrolment_service_server::EnrolmentServiceServer, learning_service_server::LearningServiceServer,
    },
    wkt::{FieldMask, Timestamp},
};
use rpc::{Fields, Invalid};
use time::OffsetDateTime;
use tonic::{Request, service::Routes};
use values::{Id, Kind, Text};

use crate::{app::App, domain::id::LearnerId};

/// The services of this process.
pub fn routes(app: Arc<App>) -> Routes {
    Routes::new(CatalogServiceServer::new(catalog::Door(Arc::clone(&app))))
        .add_service(AuthoringServiceServer::new(authoring::Door(Arc::clone(&app))))
        .add_service(EnrolmentServiceServer::new(enrolments::Door(Arc::clone(&app))))
        .add_service(LearningServiceServer::new(learning::Door(app)))
}

/// Who acts, as logs and events name it.
fn actor<T>(request: &Request<T>) -> String {
    auth::caller(request).actor()
}

/// The signed-in person who asks, as a learner.
fn learner<T>(request: &Request<T>) -> Result<LearnerId, auth::Unauthenticated> {
    Ok(LearnerId::from_uuid(auth::caller(request).person()?.user))
}

/// The request's idempotency key, bound to who sent what to which rpc.
fn idempotent<M: Message>(request: &Request<M>, rpc: &'static str) -> Result<Option<Idempotent>, Invalid> {
    let key = rpc::idempotency_key(request)?;
    Ok(key.map(|key| Idempotent::of(&actor(request), rpc, key, request.get_ref())))
}

/// One id of a request that has nothing else to get wrong.
fn only_id<K: Kind>(field: &str, text: &str) -> Result<Id<K>, Invalid> {
    text.parse().map_err(|error: values::NotAnId| Invalid::field(field, error.to_string()))
}

fn id<K: Kind>(fields: &mut Fields, field: &str, text: &str) -> Option<Id<K>> {
    fields.take(field, text.parse())
}

/// An id that may be left out.
fn optional_id<K: Kind>(fields: &mut Fields, field: &str, text: &str) -> Option<Option<Id<K>>> {
    fields.take_if(field, (!text.is_empty()).then(|| text.parse()))
}

/// An etag is a revision; none was sent where the text is empty.
fn etag(fields: &mut Fields, text: &str) -> Option<Option<i64>> {
    let read = || text.parse().map_err(|_| "expected the etag as it was read");
    fields.take_if("etag", (!text.is_empty()).then(read))
}

/// A place in a list; none was sent for the end.
fn position(fields: &mut Fields, sent: Option<i32>) -> Option<Option<usize>> {
    let read = |position| usize::try_from(position).map_err(|_| "expected 0 or more");
    fields.take_if("position", sent.map(read))
}

fn instant(fields: &mut Fields, field: &str, sent: Option<Timestamp>) -> Option<Option<OffsetDateTime>> {
    let read = |at: Timestamp| at.to_time().map(microseconds).ok_or("expected an instant of the years 1 to 9999");
    fields.take_if(field, sent.map(read))
}

/// What PostgreSQL keeps, so that a stored instant equals the one that was sent.
fn microseconds(at: OffsetDateTime) -> OffsetDateTime {
    at.replace_nanosecond(at.nanosecond() / 1_000 * 1_000).unwrap_or(at)
}

/// What staff writes into a log.
fn note(fields: &mut Fields, text: &str) -> Option<Text<0, 500>> {
    fields.take("note", Text::parse(text))
}

/// Which fields an update changes.
struct Mask {
    paths: Vec<String>,
}

impl Mask {
    /// Refuses names that the resource does not have. An empty mask and `*` mean all of them.
    fn read(fields: &mut Fields, sent: Option<FieldMask>, known: &[&str]) -> Self {
        let mut paths = sent.unwrap_or_default().paths;
        if paths.iter().any(|path| path == "*") {
            paths.clear();
        }
        for path in &paths {
            if !known.contains(&path.as_str()) {
                fields.refuse("update_mask", format!("{path} is none of {}", known.join(", ")));
            }
        }
        Self { paths }
    }

    fn names(&self, field: &str) -> bool {
        self.paths.is_empty() || self.paths.iter().any(|path| path == field)
    }

    /// Parses a field that is named; the outer option is a mistake, the inner one a field that stays as it is.
    fn take<T, E: rpc::Mistake>(
        &self,
        fields: &mut Fields,
        resource: &str,
        field: &str,
        parse: impl FnOnce() -> Result<T, E>,
    ) -> Option<Option<T>> {
        fields.take_if(&format!("{resource}.{field}"), self.names(field).then(parse))
    }
}
