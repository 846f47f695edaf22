//! Where a channel learns its replicas from: the configuration, or Kubernetes.

use std::sync::Arc;

use tls::{Connector, Identity};

use crate::{
    Target,
    channel::Channel,
    kubernetes::{Cluster, Followed, follow},
    replicas::Replicas,
    target::Place,
};

/// Makes channels: who we are to the replicas, and which Kubernetes knows them.
#[derive(Clone)]
pub struct Discovery {
    identity: Identity,
    cluster: Cluster,
}

impl Discovery {
    /// What a service has: the process's identity, and the cluster that its pod runs in.
    pub fn of_process() -> Self {
        Self::new(tls::fleet())
    }

    /// The cluster that the pod runs in, and another identity.
    pub fn new(identity: Identity) -> Self {
        Self { identity, cluster: Cluster::OfPod }
    }

    /// Another cluster.
    #[must_use]
    pub fn cluster(self, config: kube::Config) -> Self {
        Self { cluster: Cluster::At(Box::new(config)), ..self }
    }

    /// A channel to a target; see [`channel`](crate::channel).
    pub fn channel(&self, target: &Target) -> rpc::client::Channel {
        let replicas = Arc::new(Replicas::new(target.to_string(), Connector::new(self.identity.clone())));
        match &target.0 {
            Place::Fixed(addresses) => replicas.set(&addresses.iter().cloned().collect()),
            Place::Kubernetes(service) => pass_on(follow(&self.cluster, service), &replicas),
        }
        rpc::client::Channel::new(Channel(replicas))
    }
}

/// Tells the replicas of a channel what is known of its service, as long as there is the channel.
#[expect(clippy::disallowed_methods, reason = "it ends with the channel")]
fn pass_on(followed: Arc<Followed>, replicas: &Arc<Replicas>) {
    let told = Arc::downgrade(replicas);
    let mut addresses = followed.addresses.clone();
    let feeding = tokio::spawn(async move {
        let _followed = followed;
        loop {
            {
                let Some(replicas) = told.upgrade() else { break };
                if let Some(addresses) = addresses.borrow_and_update().as_ref() {
                    replicas.set(addresses);
                }
            }
            if addresses.changed().await.is_err() {
                break;
            }
        }
    });
    replicas.fed_by(feeding.abort_handle());
}
