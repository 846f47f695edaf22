//! What has to happen to papers by itself: giving up waiting for it, reminding, running out.

use std::{fmt::Display, future::Future};

use time::Duration;

use crate::{
    App, Error,
    domain::case::REMINDERS,
    flows::{ACTOR, escalate_case, expire_paper, standing},
    store::{self, cases, tutors},
};

/// Rows that are read at once.
const AT_ONCE: i64 = 100;

/// Takes cases to people that the Document System did not answer about in time. It works without the Document System,
/// too.
pub async fn give_up_waiting(app: &App) -> Result<(), Error> {
    let page =
        |after| async move { cases::overdue(&mut *app.db.acquire().await?, app.clock.now(), after, AT_ONCE).await };
    each("case", page, |id| escalate_case::give_up_waiting(app, ACTOR, id)).await
}

/// Expires papers that ran out, and reminds tutors whose papers soon will.
pub async fn expire_papers(app: &App) -> Result<(), Error> {
    let soon = app.today().0.saturating_add(Duration::days(REMINDERS[0]));
    let page = |after| async move { cases::running_out(&mut *app.db.acquire().await?, soon, after, AT_ONCE).await };
    each("case", page, |id| expire_paper::run(app, ACTOR, id)).await
}

/// Works out anew who may teach where the school asks for other papers than before.
pub async fn renew_standings(app: &App) -> Result<(), Error> {
    let asked = &*app.papers.asked.to_string();
    let page =
        |after| async move { tutors::asked_otherwise(&mut *app.db.acquire().await?, asked, after, AT_ONCE).await };
    each("tutor", page, |id| standing::ask_anew(app, id)).await
}

/// Forgets answers whose repetitions do not come any more.
pub async fn forget_answers(app: &App) -> Result<(), Error> {
    store::asks::sweep(&app.db, app.clock.now()).await?;
    Ok(())
}

/// Works on all that is found, page by page. One that fails is logged and comes again with the next run; nobody else
/// waits for it.
async fn each<K, T, P, W>(what: &str, page: impl Fn(Option<K>) -> P, work: impl Fn(K) -> W) -> Result<(), Error>
where
    K: Copy + Display,
    P: Future<Output = Result<Vec<K>, sqlx::Error>>,
    W: Future<Output = Result<T, Error>>,
{
    let mut after = None;
    loop {
        let ids = page(after).await?;
        let Some(last) = ids.last() else { return Ok(()) };
        after = Some(*last);
        for id in ids {
            if let Err(error) = work(id).await {
                tracing::error!(what, %id, error = rpc::chain(&error), "The {what} {id} could not be worked on.");
            }
        }
    }
}
