//! Who calls, from where, and under which idempotency key.

use auth::{Caller, CallerToken, Origin, Unauthenticated};
use pg::Idempotent;
use prost::Message;
use proto::{Idempotency, Method};
use rpc::Invalid;
use tonic::{Request, Status};
use values::Id;

/// What comes with a request beside its message.
#[derive(Debug, Clone)]
pub struct Call {
    /// Who calls.
    pub caller: Caller,
    /// Where the request comes from in the outside world.
    pub origin: Origin,
    /// The caller's own token, to ask a neighbour in their name.
    pub token: Option<CallerToken>,
    /// The idempotency key, bound to who sent what to which rpc. Texts that the contract marks as secret are not part of it.
    pub key: Option<Idempotent>,
}

impl Call {
    /// Takes a request apart. `redact` clears the secrets of the message of which the key remembers a digest.
    pub(crate) fn of<M: Message + Clone + Default>(
        request: Request<M>,
        method: &'static Method,
        redact: impl FnOnce(&mut M),
    ) -> Result<(Self, M), Status> {
        let caller = auth::caller(&request);
        let sent = match method.idempotency {
            Idempotency::None => None,
            Idempotency::Optional | Idempotency::Required => rpc::idempotency_key(&request)?,
        };
        let key = sent.map(|key| {
            let mut remembered = request.get_ref().clone();
            redact(&mut remembered);
            Idempotent::of(&caller.actor(), method.path, key, &remembered)
        });
        let call = Self { caller, origin: auth::origin(&request), token: auth::caller_token(&request), key };
        Ok((call, request.into_inner()))
    }

    /// How logs, events and records name the caller.
    pub fn actor(&self) -> String {
        self.caller.actor()
    }

    /// The signed-in person as what they are in this service: a learner, a buyer, a tutor.
    ///
    /// # Errors
    /// When nobody is signed in.
    pub fn person<K>(&self) -> Result<Id<K>, Unauthenticated> {
        Ok(Id::from_uuid(self.caller.person()?.user))
    }

    /// The idempotency key of an operation that needs one.
    ///
    /// # Errors
    /// When none was sent; the gateway refuses such a request before.
    pub fn required_key(&self) -> Result<&Idempotent, Invalid> {
        self.key.as_ref().ok_or_else(|| Invalid::field("idempotency_key", "is required"))
    }
}
