//! Who watches their feed through this process. A watcher is only woken; what there is to see it reads itself, at its own pace.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pg::{Heard, Pool};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::id::{NoticeId, UserId};
use crate::store::notices;

/// How many times one person can watch through one process: a few open windows, not a flood.
const WATCHERS_AT_MOST: usize = 10;

/// How often entries are looked for that other replicas have added.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The watchers of this process, by person.
#[derive(Debug)]
pub struct Watchers {
    stop: CancellationToken,
    watching: Mutex<HashMap<UserId, Vec<Arc<Notify>>>>,
}

impl Watchers {
    /// Nobody watches yet; all stop watching at `stop`.
    pub fn new(stop: CancellationToken) -> Arc<Self> {
        Arc::new(Self { stop, watching: Mutex::default() })
    }

    /// Somebody begins to watch; `None` if they watch too often already.
    pub fn subscribe(self: &Arc<Self>, user: UserId) -> Option<Watcher> {
        let bell = Arc::new(Notify::new());
        let mut watching = self.watching();
        let of_user = watching.entry(user).or_default();
        if of_user.len() >= WATCHERS_AT_MOST {
            return None;
        }
        of_user.push(Arc::clone(&bell));
        Some(Watcher { watchers: Arc::clone(self), user, bell })
    }

    fn wake(&self, user: UserId) {
        self.watching().get(&user).into_iter().flatten().for_each(|bell| bell.notify_one());
    }

    fn wake_all(&self) {
        self.watching().values().flatten().for_each(|bell| bell.notify_one());
    }

    fn watching(&self) -> MutexGuard<'_, HashMap<UserId, Vec<Arc<Notify>>>> {
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who watches until this is dropped.
#[derive(Debug)]
pub struct Watcher {
    watchers: Arc<Watchers>,
    user: UserId,
    bell: Arc<Notify>,
}

impl Watcher {
    /// Returns when there may be something new, also if that was before the call. Many rings are one.
    pub async fn woken(&self) {
        self.bell.notified().await;
    }

    /// Returns when watching has to end.
    pub async fn stopped(&self) {
        self.watchers.stop.cancelled().await;
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let mut watching = self.watchers.watching();
        if let Some(of_user) = watching.get_mut(&self.user) {
            of_user.retain(|bell| !Arc::ptr_eq(bell, &self.bell));
            if of_user.is_empty() {
                watching.remove(&self.user);
            }
        }
    }
}

/// Wakes watchers until told to stop: at once for what this process adds, and soon for what others do. While the
/// database is away nobody is woken.
pub async fn listen(app: Arc<App>, stop: CancellationToken) {
    let (mut added, mut tick) = (notices::ADDED.listen(), interval(LOOK_EVERY));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut known = HashMap::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            heard = added.next() => match heard {
                Heard::Value(user) => app.watchers.wake(user),
                Heard::Missed => app.watchers.wake_all(),
            },
            _ = tick.tick() => if let Err(error) = look(&app.db, &app.watchers, &mut known).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "New notices are not seen for a while.");
            },
        }
    }
}

/// Wakes those whose newest entry is another one than at the last look. Ids of a feed grow in the order in which they
/// can be seen, so that none hides behind a newer one.
async fn look(pool: &Pool, watchers: &Watchers, known: &mut HashMap<UserId, NoticeId>) -> Result<(), sqlx::Error> {
    let users: Vec<UserId> = watchers.watching().keys().copied().collect();
    let newest = match users[..] {
        [] => Vec::new(),
        _ => notices::latest_of(&mut *pool.acquire().await?, &users).await?,
    };
    newest.iter().filter(|(user, notice)| known.get(user) != Some(notice)).for_each(|(user, _)| watchers.wake(*user));
    *known = newest.into_iter().collect();
    Ok(())
}
