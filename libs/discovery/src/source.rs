//! Where a channel learns its replicas from. A source sends changes: this replica has come, that one has gone.

use http::Uri;
use tokio::sync::mpsc::Sender;
use tonic::transport::{Endpoint, channel::Change};

use crate::{Target, endpoint};

/// What a source tells a channel, by the replica's address.
pub(crate) type Changes = Sender<Change<Uri, Endpoint>>;

/// The simplest source: everything that configuration names has come, and nothing ever goes. A source that watches would keep the
/// sender and go on.
pub(crate) fn fixed(target: &Target, changes: &Changes) {
    for address in target.addresses() {
        let come = Change::Insert(address.clone(), endpoint(address));
        if changes.try_send(come).is_err() {
            tracing::error!(address = %address, "the replica {address} could not be added to its channel");
        }
    }
}
