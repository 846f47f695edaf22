//! An identity: what the files say at the moment. Connections that are open keep what they began with.

use std::{
    fmt,
    sync::{Arc, OnceLock, PoisonError, RwLock},
    time::Duration,
};

use rustls::{ClientConfig, ServerConfig};
use tokio_util::sync::CancellationToken;
use values::{SharedClock, SystemClock};

use crate::files::{File, Files, Texts, Understood, Unusable};

/// Who a process is and whom it trusts. Clones share everything, new files included.
#[derive(Clone)]
pub struct Identity(Arc<Inner>);

struct Inner {
    /// What metrics and logs call it.
    name: &'static str,
    files: Files,
    clock: SharedClock,
    now: RwLock<Arc<Now>>,
}

struct Now {
    texts: Texts,
    understood: Understood,
}

impl Identity {
    /// Reads the files. `name` is what metrics and logs call the identity, such as `fleet`.
    ///
    /// # Errors
    /// A file cannot be read, does not hold what it should, or has expired.
    pub fn load(name: &'static str, files: Files, clock: SharedClock) -> Result<Self, Unusable> {
        let now = read(&files, &clock)?;
        Ok(Self(Arc::new(Inner { name, files, clock, now: RwLock::new(Arc::new(now)) })))
    }

    /// How connections are accepted from now on, speaking one of `protocols` (ALPN); `None` without a certificate.
    /// With an authority only clients that show a certificate of it are let in.
    pub fn server(&self, protocols: &[&[u8]]) -> Option<Arc<ServerConfig>> {
        let mut config = ServerConfig::clone(self.now().understood.server.as_deref()?);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Some(Arc::new(config))
    }

    /// Whether there is a certificate, so that listeners speak TLS.
    pub fn serves(&self) -> bool {
        self.0.files.certificate.is_some()
    }

    /// How connections are opened from now on, speaking one of `protocols`. The other side is believed if the
    /// authority vouches for it; without one, if a public authority does. Our own certificate is shown if there is
    /// one.
    pub fn client(&self, protocols: &[&[u8]]) -> Arc<ClientConfig> {
        let mut config = ClientConfig::clone(&self.now().understood.client);
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Arc::new(config)
    }

    /// Looks at the files `every` so often until told to stop, and takes up what changed. Files that are of no use
    /// are logged and counted, and what was read before stays in use.
    ///
    /// Metrics: `tls_certificate_not_after_timestamp_seconds{certificate}`, where the authority of `fleet` is
    /// `fleet-authority`, and `tls_reloads_total{certificate,outcome}`.
    pub async fn keep(self, every: Duration, stop: CancellationToken) {
        self.measure();
        let mut complained = None;
        let mut ticks = tokio::time::interval(every);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            match self.reload() {
                Ok(changed) => {
                    complained = None;
                    if changed {
                        tracing::info!(identity = self.0.name, "the new {} certificates are in use", self.0.name);
                        self.count("done");
                        self.measure();
                    }
                }
                Err(unusable) => {
                    // Once for each mistake: the files may stay as they are for long.
                    if complained.as_ref() != Some(&unusable) {
                        let name = self.0.name;
                        tracing::error!(identity = name, error = %unusable, "the old {name} certificates stay in use");
                        self.count("failed");
                    }
                    complained = Some(unusable);
                }
            }
        }
    }

    /// Looks at the files now; says whether there was something new.
    ///
    /// # Errors
    /// The new files are of no use; the old ones stay in use.
    pub fn reload(&self) -> Result<bool, Unusable> {
        let inner = &self.0;
        if inner.files.texts()? == self.now().texts {
            return Ok(false);
        }
        // Whoever exchanges several files may be in the middle of it, and is done a moment later.
        let new = read(&inner.files, &inner.clock).or_else(|_| read(&inner.files, &inner.clock))?;
        *inner.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(true)
    }

    fn now(&self) -> Arc<Now> {
        Arc::clone(&self.0.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!("tls_reloads_total", "certificate" => self.0.name, "outcome" => outcome).increment(1);
    }

    fn measure(&self) {
        for (file, until) in &self.now().understood.expiries {
            // Seconds of this century fit an unsigned 32-bit number.
            let until = u32::try_from(until.unix_timestamp()).unwrap_or(u32::MAX);
            let name = match file {
                File::Authority => format!("{}-authority", self.0.name),
                _ => self.0.name.to_owned(),
            };
            metrics::gauge!("tls_certificate_not_after_timestamp_seconds", "certificate" => name).set(until);
        }
    }
}

fn read(files: &Files, clock: &SharedClock) -> Result<Now, Unusable> {
    let texts = files.texts()?;
    let understood = files.understand(&texts, clock.now())?;
    Ok(Now { texts, understood })
}

/// Names only: the rest is secret or long.
impl fmt::Debug for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Identity").field("name", &self.0.name).field("files", &self.0.files).finish_non_exhaustive()
    }
}

static FLEET: OnceLock<Identity> = OnceLock::new();

/// Makes `identity` the one that the process's clients have when they call its neighbours. The first one stays.
pub fn install(identity: Identity) {
    let _ = FLEET.set(identity);
}

/// The identity for calls to neighbours: the installed one, or one without a certificate that trusts public
/// authorities.
pub fn fleet() -> Identity {
    FLEET.get().cloned().unwrap_or_else(|| {
        let nobody = Identity::load("fleet", Files::default(), Arc::new(SystemClock));
        nobody.unwrap_or_else(|unusable| unreachable!("without files there is nothing to misread: {unusable}"))
    })
}
