//! All the replicas of a service, and which of them gets the next call.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures::{StreamExt, stream::FuturesUnordered};
use tls::Connector;
use tokio::{
    sync::watch,
    task::AbortHandle,
    time::{Instant, timeout_at},
};
use tonic::Status;

use crate::{dial::Sender, replica::Replica, target::Address};

/// How long a call waits for a first replica to appear: whoever is being replaced is back by then, and of one that is
/// gone the caller had better hear at once.
const PATIENCE: Duration = Duration::from_secs(1);

/// The replicas of one service as far as they are known.
pub(crate) struct Replicas {
    /// What the service is called in metrics and complaints.
    pub(crate) target: String,
    connector: Connector,
    known: watch::Sender<Arc<[Arc<Replica>]>>,
    /// Whoever tells which replicas there are; not needed longer than they are.
    fed_by: OnceLock<AbortHandle>,
}

impl Drop for Replicas {
    fn drop(&mut self) {
        if let Some(feeding) = self.fed_by.get() {
            feeding.abort();
        }
    }
}

impl Replicas {
    pub(crate) fn new(target: String, connector: Connector) -> Self {
        Self { target, connector, known: watch::Sender::new(Arc::new([])), fed_by: OnceLock::new() }
    }

    /// Ends this task with the replicas.
    pub(crate) fn fed_by(&self, feeding: AbortHandle) {
        let _ = self.fed_by.set(feeding);
    }

    /// Takes `addresses` for all there are. Connections to new ones are opened at once; those that are gone get no
    /// further call, and their connections end when what is in flight has ended.
    pub(crate) fn set(&self, addresses: &BTreeSet<Address>) {
        let before = Arc::clone(&self.known.borrow());
        let kept = |address: &Address| before.iter().find(|replica| replica.address == *address).cloned();
        let made = |address: &Address| {
            let replica = Replica::new(address.clone(), self.connector.clone());
            replica.wake();
            replica
        };
        let now = addresses.iter().map(|address| kept(address).unwrap_or_else(|| made(address))).collect();
        self.known.send_replace(now);
    }

    /// Replicas whose connection is open are asked first, those that were not `tried` before others, the less busy of
    /// two picked at random. Only when no connection is open does a call wait for one.
    pub(crate) async fn pick(
        &self,
        tried: &[Arc<Replica>],
        deadline: Instant,
    ) -> Result<(Arc<Replica>, Sender), Status> {
        let known = self.some(deadline).await?;
        let is_new = |replica: &Arc<Replica>| !tried.iter().any(|one| Arc::ptr_eq(one, replica));
        let (mut open, mut closed) = (Vec::with_capacity(known.len()), Vec::new());
        for replica in known.iter() {
            match replica.open() {
                Some(sender) => open.push((replica, sender)),
                None => closed.push(replica),
            }
        }
        if open.iter().any(|(replica, _)| is_new(replica)) {
            closed.iter().for_each(|replica| replica.wake());
            open.retain(|(replica, _)| is_new(replica));
            return Ok(less_busy(open));
        }
        // Whoever was asked already is the last resort.
        let untried = closed.iter().filter(|replica| is_new(replica)).count();
        if untried > 0 && untried < closed.len() {
            closed.retain(|replica| is_new(replica));
        }
        match self.first_to_open(&closed, deadline).await {
            Err(_) if !open.is_empty() => Ok(less_busy(open)),
            opened => opened,
        }
    }

    /// All that are known, as soon as there is one.
    async fn some(&self, deadline: Instant) -> Result<Arc<[Arc<Replica>]>, Status> {
        let known = Arc::clone(&self.known.borrow());
        if !known.is_empty() {
            return Ok(known);
        }
        let patience = deadline.min(Instant::now() + PATIENCE);
        let mut following = self.known.subscribe();
        match timeout_at(patience, following.wait_for(|known| !known.is_empty())).await {
            Ok(Ok(known)) => Ok(Arc::clone(&known)),
            _ => Err(Status::unavailable(format!("{} has no replica that is ready", self.target))),
        }
    }

    async fn first_to_open(
        &self,
        closed: &[&Arc<Replica>],
        deadline: Instant,
    ) -> Result<(Arc<Replica>, Sender), Status> {
        let attempts = closed.iter().map(|&replica| async move { (Arc::clone(replica), replica.connect().await) });
        let mut attempts: FuturesUnordered<_> = attempts.collect();
        let mut why = "no time is left".to_owned();
        while let Ok(Some((replica, attempt))) = timeout_at(deadline, attempts.next()).await {
            match attempt {
                Ok(sender) => return Ok((replica, sender)),
                Err(error) => why = format!("{}: {}", replica.address, rpc::chain(&*error)),
            }
        }
        Err(Status::unavailable(format!("{} cannot be reached ({why})", self.target)))
    }
}

/// The less busy of two, where all that are well come before all that are not.
fn less_busy(mut open: Vec<(&Arc<Replica>, Sender)>) -> (Arc<Replica>, Sender) {
    if open.iter().any(|(replica, _)| replica.is_well()) {
        open.retain(|(replica, _)| replica.is_well());
    }
    let first = rand::random_range(0..open.len());
    let (replica, sender) = open.swap_remove(first);
    if open.is_empty() {
        return (Arc::clone(replica), sender);
    }
    let (other, its_sender) = open.swap_remove(rand::random_range(0..open.len()));
    if other.load() < replica.load() { (Arc::clone(other), its_sender) } else { (Arc::clone(replica), sender) }
}
