//! Work out whether a tutor may teach, and tell everybody if that changed. In the transaction of whatever caused it.

use bus::By;
use sqlx::PgConnection;
use time::Date;

use crate::{
    App, Error, announce,
    domain::{
        Tutor,
        id::UserId,
        paper::AskedPapers,
        tutor::{Ended, News, Standing},
    },
    flows::ACTOR,
    store,
};

/// Why and when a standing may have changed.
#[derive(Debug, Clone, Copy)]
pub struct Cause<'a> {
    /// What it is called where the standing ends by it.
    pub ended: Ended,
    pub today: Date,
    pub by: By<'a>,
}

/// Works the standing out anew. Nobody is told about somebody who was erased.
pub async fn renew(
    conn: &mut PgConnection,
    asked: &AskedPapers,
    tutor: UserId,
    cause: Cause<'_>,
) -> Result<(), sqlx::Error> {
    let tutor = store::tutors::lock(conn, tutor).await?;
    if tutor.erased_at.is_some() {
        return Ok(());
    }
    let papers = store::cases::verified_papers(conn, tutor.id).await?;
    let standing = Standing::of(asked, &papers, cause.today);
    let news = tutor.standing.news(standing, cause.ended);
    let version = tutor.version + i64::from(news.is_some());
    let tutor = Tutor { standing, asked: asked.to_string(), version, ..tutor };
    store::tutors::update(conn, &tutor).await?;
    match news {
        None => Ok(()),
        Some(News::Verified(until)) => announce::tutor_verified(conn, &tutor, until, cause.by).await,
        Some(News::Ended(ended)) => announce::tutor_verification_ended(conn, &tutor, ended, cause.by).await,
    }
}

/// Works out a standing from the time when the school asked for other papers.
pub async fn ask_anew(app: &App, tutor: UserId) -> Result<(), Error> {
    let (today, now) = app.today();
    let cause = Cause { ended: Ended::Revoked, today, by: By { actor: ACTOR, now } };
    pg::transaction(&app.db, async |conn| Ok(renew(conn, &app.papers.asked, tutor, cause).await?)).await
}
