//! Who is calling, how that is proved, and whether they may.
//!
//! - [`Caller`], [`Origin`]: what a door asks: `auth::caller(&request)`, `auth::origin(&request)`
//! - [`Layer`]: checks every gRPC call by the contract's method table before a door sees it
//! - [`Verifier`], [`Keys`], [`Jwks`]: believing tokens
//! - [`Signer`], [`Claims`]: issuing them for people
//! - [`ServiceIdentity`], [`Outgoing`]: calling a neighbour as oneself or on a person's behalf
//!
//! Accounts, sessions, roles and which permissions they give do not live here: that is the service `users`.

mod caller;
mod jwk;
mod jws;
mod keys;
mod layer;
mod names;
mod origin;
mod outgoing;
mod refused;
mod remembered;
mod service;
mod signer;
mod verifier;

pub use caller::{BadServiceName, Caller, CallerToken, Person, ServiceName, Unauthenticated, bearer};
pub use jwk::{BadJwk, Jwk, Jwks};
pub use keys::Keys;
pub use layer::{Guarded, Layer, Lookup, caller, caller_token, peer};
pub use names::{
    ACCEPT_LANGUAGE, AUDIENCE, AUTHORIZATION, CLIENT_ADDRESS, CLIENT_AGENT, GATEWAY, REVOKED_SESSIONS, SERVICE_ISSUER,
    VIA,
};
pub use origin::{Origin, origin};
pub use outgoing::{Channel, Outgoing, on_behalf};
pub use refused::{Flaw, Refused};
pub use service::ServiceIdentity;
pub use signer::{BadKey, Claims, Signer};
pub use verifier::Verifier;
