//! The verbs: each loads, decides, saves; each owns its transaction, or works in the one of an event. The object store
//! is called between transactions, never in one.

pub mod abort_upload;
pub mod complete_upload;
pub mod create_upload;
pub mod delete_file;
pub mod delete_object;
pub mod erase_owner;
pub mod expire_uploads;
pub mod sign_link;
pub mod sign_parts;

pub mod apply_answer;
pub mod ask_system;
pub mod change_case;
pub mod erase_tutor;
pub mod escalate_case;
pub mod expire_paper;
pub mod look_at_files;
pub mod measure;
pub mod review_case;
pub mod standing;
pub mod submit_paper;
pub mod withdraw_paper;

pub mod copy_neighbours;
pub mod issue_certificate;
pub mod print_certificate;
pub mod reissue_certificate;
pub mod revoke_certificate;

use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    domain::upload::Upload,
    store::{self, deletions::PendingDeletion},
};

/// Has everything deleted that an upload may have left, with the caller's change.
async fn delete_later(
    conn: &mut PgConnection,
    upload: &Upload,
    last_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(), sqlx::Error> {
    for key in upload.places() {
        let store_id = upload.store_id.clone().unwrap_or_default();
        store::deletions::insert(conn, &PendingDeletion { key, store_id, last_at }, now).await?;
    }
    Ok(())
}

/// Counts what becomes of uploads.
fn count(upload: &Upload, outcome: &'static str) {
    metrics::counter!("uploads_total", "kind" => upload.kind.as_str(), "outcome" => outcome).increment(1);
}

/// Who acts when nobody asked.
pub const ACTOR: &str = "service:documents";
