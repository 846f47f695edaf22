//! Who watches their feed through this process. A watcher is only woken; what there is to see it reads itself, at its own pace.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pg::Pool;
use sqlx::postgres::PgListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::domain::id::UserId;

/// How many times one person can watch through one process: a few open windows, not a flood.
const WATCHERS_AT_MOST: usize = 10;

/// How long to wait before listening again after the database went away.
const PAUSE: Duration = Duration::from_secs(1);

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

/// Wakes watchers until told to stop. While the database is away nobody is woken; when it is back, everybody is.
pub async fn listen(app: Arc<App>, stop: CancellationToken) {
    let listening = async {
        loop {
            if let Err(error) = hear(&app.db, &app.watchers).await {
                tracing::debug!(error = &error as &dyn std::error::Error, "New notices are not heard for a while.");
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    stop.run_until_cancelled(listening).await;
}

async fn hear(pool: &Pool, watchers: &Watchers) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("notices").await?;
    // What was told before we listened has rung in vain.
    watchers.wake_all();
    // None is a lost connection: everything is begun anew, because nobody knows what was missed.
    while let Some(rung) = listener.try_recv().await? {
        match rung.payload().parse() {
            Ok(user) => watchers.wake(user),
            Err(_) => watchers.wake_all(),
        }
    }
    Ok(())
}
