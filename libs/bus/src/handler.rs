//! What a consumer calls with an event. A handler is an `async fn`; nothing has to be boxed where it is written.

use futures::future::BoxFuture;
use prost::{Message, Name};
use proto::json::{self, Json};
use sqlx::PgConnection;

use crate::{Envelope, Failure};

/// Applies events of type `T`; every fitting `async fn` is one.
///
/// `conn` is in a transaction that commits with the event's inbox row when the handler returns `Ok`:
///
/// ```ignore
/// async fn on_granted(conn: &mut PgConnection, envelope: &Envelope, event: EntitlementGranted) -> Result<(), Failure>
/// ```
///
/// With something to share, such as the app, see [`with`].
pub trait Handler<T>: for<'c> Apply<'c, T> + Send + Sync + 'static {}

impl<T, F: for<'c> Apply<'c, T> + Send + Sync + 'static> Handler<T> for F {}

/// Shares `state` with a handler, as in `.on::<OrderPaid>(bus::with(&app, events::on_order_paid))` with
///
/// ```ignore
/// async fn on_order_paid(app: &App, conn: &mut PgConnection, envelope: &Envelope, event: OrderPaid) -> Result<(), Failure>
/// ```
pub fn with<S: Clone, F>(state: &S, handler: F) -> With<S, F> {
    With { state: state.clone(), handler }
}

/// A handler and what it shares; made by [`with`].
#[derive(Clone, Debug)]
pub struct With<S, F> {
    state: S,
    handler: F,
}

/// A handler seen with one lifetime: only so can the future of an `async fn` be named and required to be `Send`.
pub trait Apply<'c, T> {
    /// The function's own future.
    type Applied: Future<Output = Result<(), Failure>> + Send + 'c;

    /// Applies one event.
    fn apply(&'c self, conn: &'c mut PgConnection, envelope: &'c Envelope, event: T) -> Self::Applied;
}

impl<'c, T, F, Applied> Apply<'c, T> for F
where
    F: Fn(&'c mut PgConnection, &'c Envelope, T) -> Applied,
    Applied: Future<Output = Result<(), Failure>> + Send + 'c,
{
    type Applied = Applied;

    fn apply(&'c self, conn: &'c mut PgConnection, envelope: &'c Envelope, event: T) -> Applied {
        self(conn, envelope, event)
    }
}

impl<'c, S, T, F, Applied> Apply<'c, T> for With<S, F>
where
    S: 'c,
    F: Fn(&'c S, &'c mut PgConnection, &'c Envelope, T) -> Applied,
    Applied: Future<Output = Result<(), Failure>> + Send + 'c,
{
    type Applied = Applied;

    fn apply(&'c self, conn: &'c mut PgConnection, envelope: &'c Envelope, event: T) -> Applied {
        (self.handler)(&self.state, conn, envelope, event)
    }
}

/// A handler whose event type is forgotten, so that one list holds them all.
pub(crate) trait AnyHandler: Send + Sync {
    fn handle<'c>(&'c self, conn: &'c mut PgConnection, envelope: &'c Envelope) -> BoxFuture<'c, Result<(), Failure>>;

    /// What a payload says, as JSON.
    fn read(&self, payload: &[u8]) -> Option<String>;
}

pub(crate) struct Decoding<T, H> {
    pub(crate) handler: H,
    pub(crate) event: std::marker::PhantomData<fn() -> T>,
}

impl<T: Message + Name + Json + Default + 'static, H: Handler<T>> AnyHandler for Decoding<T, H> {
    fn handle<'c>(&'c self, conn: &'c mut PgConnection, envelope: &'c Envelope) -> BoxFuture<'c, Result<(), Failure>> {
        match T::decode(&*envelope.payload) {
            Ok(event) => Box::pin(self.handler.apply(conn, envelope, event)),
            Err(error) => {
                let reason = format!("the payload is not a {}: {error}", T::full_name());
                Box::pin(std::future::ready(Err(Failure::DeadLetter(reason))))
            }
        }
    }

    fn read(&self, payload: &[u8]) -> Option<String> {
        T::decode(payload).ok().map(|event| json::to_text(&event))
    }
}
