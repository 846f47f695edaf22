//! HTTP to programs of this machine.

use std::sync::Once;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Result};

/// A client whose requests take at most so long. It does not follow redirections: they are an answer like any other.
pub(crate) fn client(limit: Duration) -> Result<Client> {
    // Everything here speaks plain HTTP, but the client wants to know whom to ask about TLS.
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    Client::builder().timeout(limit).redirect(Policy::none()).no_proxy().user_agent("cargo-fleet").build()
}
