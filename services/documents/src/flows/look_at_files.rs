//! Let a reviewer look at the files of a case. Who looked stands in its history, whatever they saw.

use auth::Caller;

use super::change_case::{self, Change};
use crate::{
    App, Error,
    domain::{case::Refusal, file::File, id::CaseId},
    store,
};

/// The files of a case, once it is written down who looks at them. Links to them are signed after that.
pub async fn look_at_files(app: &App, caller: &Caller, id: CaseId) -> Result<Vec<File>, Error> {
    let actor = caller.actor();
    pg::transaction(&app.db, async |conn| {
        let case = store::cases::any(conn, id).await?.ok_or(Refusal::NotFound)?;
        let files = store::files::stored(conn, &case.files).await?;
        change_case::note(conn, id, Change::new(app, "viewed", &actor, "")).await?;
        Ok::<_, Error>(files)
    })
    .await
}
