//! Let a reviewer look at the files of a case. Who looked stands in its history, whatever they saw.

use std::time::Duration;

use super::{
    change_case::{self, Change},
    sign_link,
};
use crate::{
    App, Error,
    bucket::Link,
    domain::{File, Refusal, id::CaseId},
    store,
};

/// How long a reviewer's links work.
const LINKS_WORK: Duration = Duration::from_secs(600);

/// A file with the link to look at it.
#[derive(Debug)]
pub struct Seen {
    pub file: File,
    pub link: Link,
}

/// The files of a case, once it is written down who looks at them.
pub async fn run(app: &App, actor: &str, id: CaseId) -> Result<Vec<Seen>, Error> {
    let files = pg::transaction(&app.db, async |conn| {
        let case = store::cases::any(conn, id).await?.ok_or(Refusal::CaseNotFound)?;
        let files = store::files::stored(conn, &case.files).await?;
        change_case::note(conn, id, Change::new(app, "viewed", actor, "")).await?;
        Ok::<_, Error>(files)
    })
    .await?;
    Ok(files.into_iter().map(|file| Seen { link: sign_link::to_read(app, &file, LINKS_WORK), file }).collect())
}
