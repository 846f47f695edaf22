//! A person reads what they were told.

use crate::app::App;
use crate::domain::id::{NoticeId, UserId};
use crate::error::{Error, Refusal};
use crate::store::{self, notices::Shown};

/// Marks one entry as read.
pub async fn one(app: &App, me: UserId, notice: NoticeId) -> Result<Shown, Error> {
    let mut conn = app.db.acquire().await?;
    let read = store::notices::read(&mut conn, me, notice, app.clock.now()).await?;
    Ok(read.ok_or(Refusal::NotificationNotFound)?)
}

/// Marks all entries as read, up to one of them if it is given, and counts what is left.
pub async fn all(app: &App, me: UserId, up_to: Option<NoticeId>) -> Result<i64, Error> {
    let mut conn = app.db.acquire().await?;
    store::notices::read_all(&mut conn, me, up_to, app.clock.now()).await?;
    Ok(store::notices::unread(&mut conn, me).await?)
}
