//! Ask the Document System what is due. The broker is called between transactions: a question is claimed, asked, and
//! written down.

use pg::Lease;
use time::{Duration, OffsetDateTime};

use super::{
    ACTOR,
    change_case::{self, Change},
};
use crate::{
    App, Error,
    bucket::Reading,
    document_system::{
        Line,
        question::{LinkedFile, Question},
    },
    domain::{File, case::State, paper::Patience},
    store::{self, asks::Ask},
};

/// Questions that one run asks.
const AT_ONCE: i64 = 20;
/// Longer than asking them can take.
const CLAIMED_FOR: Duration = Duration::minutes(5);
/// How long the links to a paper work at most. A Document System that comes later asks for fresh ones by not answering.
const LINKS_WORK: Duration = Duration::HOUR;
/// How soon a question that could not be asked is tried again.
const AGAIN: Duration = Duration::seconds(10);

/// Asks every question that is due. After the first one that the broker does not take, the others wait, too.
pub async fn run(app: &App, line: &Line) -> Result<(), Error> {
    let Some(patience) = app.papers.system else { return Ok(()) };
    let lease = Lease::new(app.clock.now(), CLAIMED_FOR, AT_ONCE);
    let due = store::asks::claim_due(&mut *app.db.acquire().await?, lease).await?;
    let mut taken = true;
    for ask in due {
        // The same moment for the links and the question, and a fresh one for each.
        let now = app.clock.now();
        let Some(question) = question(app, &ask, patience, now).await? else { continue };
        if taken && let Err(error) = line.ask(&question).await {
            tracing::warn!(
                case = %ask.case_id,
                error = &error as &dyn std::error::Error,
                "The Document System cannot be asked about case {} now.",
                ask.case_id
            );
            metrics::counter!("document_asks_total", "outcome" => "failed").increment(1);
            taken = false;
        }
        if taken {
            asked(app, &ask, now + patience.each).await?;
        } else {
            store::asks::put_off(&mut *app.db.acquire().await?, ask.case_id, now + AGAIN).await?;
        }
    }
    Ok(())
}

/// The question with fresh links; none where the case is not the Document System's any more.
async fn question(app: &App, ask: &Ask, patience: Patience, now: OffsetDateTime) -> Result<Option<Question>, Error> {
    let conn = &mut *app.db.acquire().await?;
    let Some(case) = store::cases::any(conn, ask.case_id).await? else { return Ok(None) };
    let State::Checking { deadline } = case.state else { return Ok(None) };
    let files = store::files::stored(conn, &case.files).await?;
    let works = patience.each.min(LINKS_WORK).unsigned_abs();
    let linked = |file: &File| LinkedFile {
        link: app.bucket.link(&file.key(), &nameless(file), works, now),
        sha256: file.sha256.map(|sum| sum.to_string()).unwrap_or_default(),
        size: file.size,
        content_type: file.content_type.to_string(),
    };
    let files = files.iter().map(linked).collect();
    let traceparent = ask.traceparent.clone();
    Ok(Some(Question { ask: ask.ask_id, case, deadline, files, traceparent, asked_at: now }))
}

/// A paper goes out without the name that its owner gave it, which may say whose it is.
fn nameless(file: &File) -> Reading {
    Reading { content_type: file.content_type.to_string(), disposition: "attachment".to_owned() }
}

/// Writes down that the broker has the question. A process that dies before asks once more, under the same id.
async fn asked(app: &App, ask: &Ask, again_at: OffsetDateTime) -> Result<(), Error> {
    let detail = (ask.asked + 1).to_string();
    pg::transaction(&app.db, async |conn| {
        store::asks::asked(conn, ask.case_id, again_at).await?;
        change_case::note(conn, ask.case_id, Change::new(app, "asked", ACTOR, &detail)).await?;
        Ok::<_, Error>(())
    })
    .await?;
    metrics::counter!("document_asks_total", "outcome" => "asked").increment(1);
    Ok(())
}
