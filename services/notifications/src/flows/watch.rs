//! A person watches their feed: what is newer than what they have seen, and then what comes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, stream};
use tokio::time::Instant;
use uuid::Uuid;

use crate::app::App;
use crate::domain::id::{NoticeId, UserId};
use crate::error::{Error, Refusal};
use crate::store::{self, notices::Shown};
use crate::watchers::Watcher;

/// How many entries are read at once; a reader that is slow keeps no more than these.
const READ_AT_ONCE: i64 = 50;

/// After how long a watcher has to come again, with a token that is checked anew.
const WATCHED_AT_MOST: Duration = Duration::from_secs(15 * 60);

struct Watching {
    app: Arc<App>,
    me: UserId,
    watcher: Watcher,
    last: NoticeId,
    read: VecDeque<Shown>,
    ends_at: Instant,
}

/// Entries of a person that are newer than `after`, or than now, one after the other, until the process drains.
///
/// Nothing is missed: the watcher is woken from before the first reading on, and a reading begins after what was given out last.
pub async fn run(
    app: Arc<App>,
    me: UserId,
    after: Option<NoticeId>,
) -> Result<impl Stream<Item = Result<Shown, Error>> + Send + 'static, Error> {
    let watcher = app.watchers.subscribe(me).ok_or(Refusal::TooManyWatchers)?;
    let last = match after {
        Some(after) => after,
        None => {
            let mut conn = app.db.acquire().await?;
            store::notices::latest(&mut conn, me).await?.unwrap_or(NoticeId::from_uuid(Uuid::nil()))
        }
    };
    let ends_at = Instant::now() + WATCHED_AT_MOST;
    let watching = Watching { app, me, watcher, last, read: VecDeque::new(), ends_at };
    Ok(stream::try_unfold(watching, |mut watching| async move {
        let next = watching.next().await?;
        Ok(next.map(|next| (next, watching)))
    }))
}

impl Watching {
    async fn next(&mut self) -> Result<Option<Shown>, Error> {
        loop {
            if let Some(next) = self.read.pop_front() {
                self.last = next.id;
                return Ok(Some(next));
            }
            self.read = self.newer().await?.into();
            if !self.read.is_empty() {
                continue;
            }
            tokio::select! {
                () = self.watcher.stopped() => return Ok(None),
                () = tokio::time::sleep_until(self.ends_at) => return Ok(None),
                () = self.watcher.woken() => {}
            }
        }
    }

    /// Holds no connection while nothing happens.
    async fn newer(&self) -> Result<Vec<Shown>, Error> {
        let mut conn = self.app.db.acquire().await?;
        Ok(store::notices::newer(&mut conn, self.me, self.last, READ_AT_ONCE).await?)
    }
}
