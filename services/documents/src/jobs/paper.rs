//! What has to happen to papers by itself: giving up waiting for it, reminding, running out.

use crate::{
    App, Error,
    flows::{ACTOR, escalate_case, expire_paper, standing},
    store,
};

/// Rows that are read at once.
const AT_ONCE: i64 = 100;

/// Takes cases to people that the Document System did not answer about in time. It works without the Document System, too.
pub async fn give_up_waiting(app: &App) -> Result<(), Error> {
    let mut after = None;
    loop {
        let now = app.clock.now();
        let page = store::cases::overdue(&mut *app.db.acquire().await?, now, after, AT_ONCE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(*last);
        for id in page {
            if let Err(error) = escalate_case::give_up_waiting(app, ACTOR, id).await {
                complain("case", &id, &error);
            }
        }
    }
}

/// Expires papers that ran out, and reminds tutors whose papers soon will.
pub async fn expire_papers(app: &App) -> Result<(), Error> {
    let mut after = None;
    loop {
        let (today, _) = app.today();
        let by = today.saturating_add(time::Duration::days(crate::domain::case::REMINDERS[0]));
        let page = store::cases::running_out(&mut *app.db.acquire().await?, by, after, AT_ONCE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(*last);
        for id in page {
            if let Err(error) = expire_paper::expire_paper(app, ACTOR, id).await {
                complain("case", &id, &error);
            }
        }
    }
}

/// Works out anew who may teach where the school asks for other papers than before.
pub async fn renew_standings(app: &App) -> Result<(), Error> {
    let asked = app.papers.asked.to_string();
    let mut after = None;
    loop {
        let conn = &mut *app.db.acquire().await?;
        let page = store::tutors::asked_otherwise(conn, &asked, after, AT_ONCE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(*last);
        for id in page {
            if let Err(error) = standing::ask_anew(app, id).await {
                complain("tutor", &id, &error);
            }
        }
    }
}

/// Forgets answers whose repetitions do not come any more.
pub async fn forget_answers(app: &App) -> Result<(), Error> {
    store::asks::sweep(&app.db, app.clock.now()).await?;
    Ok(())
}

/// One that fails is logged and comes again with the next run; nobody else waits for it.
fn complain(what: &str, id: &impl std::fmt::Display, error: &Error) {
    tracing::error!(what, %id, error = rpc::chain(error), "The {what} {id} could not be worked on.");
}
