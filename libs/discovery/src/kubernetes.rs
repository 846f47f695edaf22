//! Following the endpoints of a service in Kubernetes: list them, watch what changes, begin again when that breaks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures::TryStreamExt;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{
    Api, Client, Config,
    api::{ListParams, WatchEvent, WatchParams},
};
use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{Instant, sleep, timeout},
};
use values::{Clock, SystemClock};

use crate::{
    slices::Slices,
    target::{Address, Service},
};

/// How long the API server may take to answer a list or to begin a watch.
const ANSWER: Duration = Duration::from_secs(10);

/// How long one watch goes on before the API server ends it and we begin the next: so often at least it is known that
/// all is well.
const WATCH: u32 = 60;

/// A watch that is silent for longer has lost its API server.
const SILENCE: Duration = Duration::from_secs(75);

/// Pauses after failures: doubled each time; up to as much again is added at random.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A watch that ends sooner was cut off.
const TOO_SHORT: Duration = Duration::from_secs(1);

/// Where the API server is and how we prove who we are.
#[derive(Clone)]
pub(crate) enum Cluster {
    /// As the pod's service account says.
    OfPod,
    /// As somebody configured it.
    At(Box<Config>),
}

impl Cluster {
    fn config(&self) -> Result<Config, Failure> {
        match self {
            Self::OfPod => Config::incluster().map_err(|error| Failure::Cluster(error.to_string())),
            Self::At(config) => Ok(Config::clone(config)),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::OfPod => String::new(),
            Self::At(config) => config.cluster_url.to_string(),
        }
    }
}

/// Why endpoints cannot be followed at the moment.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("this does not run in a pod with a service account: {0}")]
    Cluster(String),
    #[error("the API server failed")]
    Api(#[from] kube::Error),
    #[error("the API server refused the watch: {0}")]
    Refused(String),
    #[error("the API server does not answer")]
    Silent,
    #[error("the watch was cut off")]
    CutOff,
}

/// The endpoints of a service, followed as long as somebody holds this; `None` until they are known for the first time.
pub(crate) struct Followed {
    pub(crate) addresses: watch::Receiver<Option<BTreeSet<Address>>>,
    following: AbortHandle,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.following.abort();
    }
}

/// What is followed in this process, so that clients of the same service share one watch.
static FOLLOWED: Mutex<BTreeMap<(String, Service), Weak<Followed>>> = Mutex::new(BTreeMap::new());

/// Begins to follow, or joins those who do already.
#[expect(clippy::disallowed_methods, reason = "it ends with the last channel that needs it")]
pub(crate) fn follow(cluster: &Cluster, service: &Service) -> Arc<Followed> {
    let mut all = FOLLOWED.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|_, followed| followed.strong_count() > 0);
    let key = (cluster.name(), service.clone());
    let alive = |followed: &Arc<Followed>| !followed.following.is_finished();
    if let Some(followed) = all.get(&key).and_then(Weak::upgrade).filter(alive) {
        return followed;
    }
    let (tell, addresses) = watch::channel(None);
    let watcher = Watcher { cluster: cluster.clone(), service: service.clone(), target: service.to_string(), tell };
    let following = tokio::spawn(watcher.run()).abort_handle();
    let followed = Arc::new(Followed { addresses, following });
    all.insert(key, Arc::downgrade(&followed));
    followed
}

fn pauses() -> ExponentialBackoff {
    let pauses = ExponentialBuilder::new().with_min_delay(FIRST_PAUSE).with_max_delay(LONGEST_PAUSE);
    pauses.without_max_times().with_jitter().build()
}

struct Watcher {
    cluster: Cluster,
    service: Service,
    target: String,
    tell: watch::Sender<Option<BTreeSet<Address>>>,
}

impl Watcher {
    async fn run(self) {
        let mut pauses = pauses();
        let mut complained = false;
        metrics::counter!("discovery_watch_errors_total", "target" => self.target.clone()).absolute(0);
        loop {
            let mut synced = false;
            let failure = self.follow(&mut synced).await;
            if synced {
                pauses = self::pauses();
                complained = false;
            }
            let service = &self.target;
            metrics::counter!("discovery_watch_errors_total", "target" => service.clone()).increment(1);
            let error = rpc::chain(&failure);
            // Once for each outage: it may last.
            if std::mem::replace(&mut complained, true) {
                tracing::debug!(service, error, "the endpoints of {service} still cannot be followed");
            } else {
                tracing::warn!(
                    service,
                    error,
                    "the endpoints of {service} cannot be followed; the known ones stay in use"
                );
            }
            sleep(pauses.next().unwrap_or(LONGEST_PAUSE)).await;
        }
    }

    /// Lists and watches until something fails. `synced` becomes true with the first list.
    async fn follow(&self, synced: &mut bool) -> Failure {
        let begun = async {
            let mut config = self.cluster.config()?;
            // The pauses are ours.
            config.default_retry = false;
            let namespace = self.service.namespace.clone().unwrap_or_else(|| config.default_namespace.clone());
            let client = Client::try_from(config)?;
            Ok::<_, Failure>((Api::<EndpointSlice>::namespaced(client, &namespace), namespace))
        };
        let (api, namespace) = match begun.await {
            Ok(begun) => begun,
            Err(failure) => return failure,
        };
        loop {
            match self.list_and_watch(&api, &namespace, synced).await {
                // Our version is too old for the API server to go on from: that is no failure, and the next list has
                // a new one.
                Ok(()) => {}
                Err(failure) => return failure,
            }
        }
    }

    async fn list_and_watch(
        &self,
        api: &Api<EndpointSlice>,
        namespace: &str,
        synced: &mut bool,
    ) -> Result<(), Failure> {
        let labels = format!("kubernetes.io/service-name={}", self.service.name);
        let listing = ListParams::default().labels(&labels);
        let list = timeout(ANSWER, api.list(&listing)).await.map_err(|_| Failure::Silent)??;
        let mut version = list.metadata.resource_version.unwrap_or_default();
        let mut slices = Slices::of(list.items);
        self.announce(&slices, namespace);
        *synced = true;
        let watching = WatchParams::default().labels(&labels).timeout(WATCH);
        loop {
            let begun = Instant::now();
            let events = timeout(ANSWER, api.watch(&watching, &version)).await.map_err(|_| Failure::Silent)?;
            let mut events = match events {
                Err(kube::Error::Api(status)) if status.code == GONE => return Ok(()),
                events => Box::pin(events?),
            };
            while let Some(event) = timeout(SILENCE, events.try_next()).await.map_err(|_| Failure::Silent)?? {
                match event {
                    WatchEvent::Added(slice) | WatchEvent::Modified(slice) => {
                        version = slice.metadata.resource_version.clone().unwrap_or(version);
                        slices.put(slice);
                    }
                    WatchEvent::Deleted(slice) => {
                        version = slice.metadata.resource_version.clone().unwrap_or(version);
                        slices.remove(&slice);
                    }
                    WatchEvent::Bookmark(bookmark) => version = bookmark.metadata.resource_version,
                    WatchEvent::Error(status) if status.code == GONE => return Ok(()),
                    WatchEvent::Error(status) => return Err(Failure::Refused(status.message)),
                }
                self.announce(&slices, namespace);
            }
            if begun.elapsed() < TOO_SHORT {
                return Err(Failure::CutOff);
            }
            self.in_step();
        }
    }

    fn announce(&self, slices: &Slices, namespace: &str) {
        let addresses = slices.addresses(&self.service, namespace);
        let count = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
        metrics::gauge!("discovery_endpoints", "target" => self.target.clone()).set(count);
        self.tell.send_if_modified(|known| {
            let new = known.as_ref() != Some(&addresses);
            *known = Some(addresses);
            new
        });
        self.in_step();
    }

    /// Notes that what is known is what the API server knows.
    fn in_step(&self) {
        let now = SystemClock.now().unix_timestamp();
        // Seconds of this century fit an unsigned 32-bit number.
        let now = u32::try_from(now).unwrap_or(u32::MAX);
        metrics::gauge!("discovery_last_sync_timestamp_seconds", "target" => self.target.clone()).set(now);
    }
}

/// What the API server answers to a version that it has forgotten.
const GONE: u16 = 410;
