//! End an upload: compare what the store has with what was announced, put it in its place, and make it a file.
//!
//! The store is asked between two transactions. Whoever dies in between leaves an open upload, and whoever comes again
//! finds the object in its place and goes on; the row decides what it is.

use failpoint::failpoint;
use itertools::Itertools;

use crate::{
    App, Error,
    bucket::{self, Found, Part},
    domain::{
        File, Refusal, Upload,
        content::LOOKED_AT,
        file::Sha256,
        id::{UploadId, UserId},
        upload::{self, Mismatch, State, Way},
    },
    store::{self, deletions::PendingDeletion},
};

/// In how many ways the parts are tried to be joined, where the store keeps several writings of some.
const TRIED_AT_MOST: usize = 16;

/// Makes an upload a file. Doing it twice gives the same file.
pub async fn run(app: &App, owner: UserId, id: UploadId) -> Result<File, Error> {
    let upload = store::uploads::of(&mut *app.db.acquire().await?, id, owner).await?.ok_or(Refusal::UploadNotFound)?;
    if upload.state == State::Open {
        if !upload.is_open(app.clock.now()) {
            return Err(Refusal::UploadOver.into());
        }
        let checked = check(app, &upload).await;
        let verdict = match &checked {
            Err(Error::Refused(refusal)) => Mismatch::of(refusal),
            _ => None,
        };
        if verdict.is_none() {
            checked?;
        }
        failpoint!("complete_upload.placed");
        save(app, &upload, verdict).await?;
        failpoint!("complete_upload.committed");
    }
    let conn = &mut *app.db.acquire().await?;
    let upload = store::uploads::of(conn, id, owner).await?.ok_or(Refusal::UploadNotFound)?;
    match upload.state {
        State::Completed => {
            Ok(store::files::get(conn, upload.file, Some(owner)).await?.ok_or(Refusal::FileNotFound)?)
        }
        State::Refused(mismatch) => Err(Refusal::from(mismatch).into()),
        State::Open | State::Aborted | State::Expired => Err(Refusal::UploadOver.into()),
    }
}

/// Compares what was written with what was announced, and puts it in its place.
async fn check(app: &App, upload: &Upload) -> Result<(), Error> {
    match upload.way {
        Way::AtOnce(sha256) => at_once(app, upload, sha256).await,
        Way::InParts(_) => in_parts(app, upload).await,
    }
}

async fn at_once(app: &App, upload: &Upload, sha256: Sha256) -> Result<(), Error> {
    let key = upload.key();
    let found = app.bucket.look(&key).await?.ok_or(Refusal::UploadIncomplete)?;
    same_size(upload, &found)?;
    // A store that keeps no checksum may have let other bytes in, so they are read again.
    let sum = match found.sha256 {
        Some(sum) => sum,
        None => app.bucket.sum(&key, &found, 0..found.size).await?,
    };
    if sum != sha256 {
        return Err(Refusal::ChecksumMismatch.into());
    }
    look_inside(app, upload, &key, &found).await?;
    // The link still works for a while. What is written by it from now on is nobody's file.
    app.bucket.copy(&key, &found, &upload.file_key()).await?;
    Ok(())
}

async fn in_parts(app: &App, upload: &Upload) -> Result<(), Error> {
    let key = upload.key();
    let store_id = upload.store_id.as_deref().ok_or(Refusal::UploadIncomplete)?;
    let said = store::uploads::parts(&mut *app.db.acquire().await?, upload.id).await?;
    // `None`: they were joined before somebody died.
    if let Some(parts) = app.bucket.parts(&key, store_id).await? {
        let writings = complete(upload, &said, parts).ok_or(Refusal::UploadIncomplete)?;
        let listed = writings.iter().flatten().all(|part| part.sha256.is_some());
        join(app, &key, store_id, &announced(&said, writings)).await?;
        failpoint!("complete_upload.joined");
        if listed {
            store::uploads::keep_checked(&mut *app.db.acquire().await?, upload.id, upload.parts()).await?;
        }
    }
    let found = app.bucket.look(&key).await?.ok_or(Refusal::UploadIncomplete)?;
    same_size(upload, &found)?;
    look_inside(app, upload, &key, &found).await?;
    read_again(app, upload, &said, &found).await
}

/// Joins the parts with the checksums that were said, which the store compares with what it has. Where it lists several
/// writings of a part and the checksums of none, that is how the one that was said is found.
async fn join(app: &App, key: &str, store_id: &str, writings: &[Vec<Part>]) -> Result<(), Error> {
    for parts in writings.iter().map(|part| part.iter().cloned()).multi_cartesian_product().take(TRIED_AT_MOST) {
        match app.bucket.join(key, store_id, &parts).await {
            // Somebody else joined them a moment ago.
            Ok(()) | Err(bucket::Error::Absent) => return Ok(()),
            // A part is another writing than the one that was said.
            Err(bucket::Error::Refused { code, .. }) if matches!(code.as_str(), "BadDigest" | "InvalidPart") => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Refusal::UploadIncomplete.into())
}

/// The writings of each part that can be the one that was said last; `None` while a part has none. A store keeps the
/// last writing of a part, or all of them.
fn complete(upload: &Upload, said: &[upload::Part], stored: Vec<Part>) -> Option<Vec<Vec<Part>>> {
    let fits = |part: &Part| {
        let (_, size) = upload.part(part.number)?;
        let (_, sum) = said.iter().find(|(number, _)| *number == part.number)?;
        Some(part.size == size && part.sha256.is_none_or(|stored| stored == *sum))
    };
    let fitting = stored.into_iter().filter(|part| fits(part) == Some(true));
    let writings: Vec<Vec<Part>> =
        fitting.chunk_by(|part| part.number).into_iter().map(|(_, of)| of.collect()).collect();
    let all = i32::try_from(writings.len()).ok()? == upload.parts();
    all.then_some(writings)
}

/// The same with the checksums that were said, which a store that lists none wants to hear all the same.
fn announced(said: &[upload::Part], writings: Vec<Vec<Part>>) -> Vec<Vec<Part>> {
    let sum_of = |part: &Part| said.iter().find(|(number, _)| *number == part.number).map(|(_, sum)| *sum);
    let with_sum = |part: Part| Part { sha256: sum_of(&part), ..part };
    writings.into_iter().map(|part| part.into_iter().map(with_sum).collect()).collect()
}

/// Reads parts again where it is not known that the store has compared them with their checksums: it keeps none, or
/// somebody died before it was written down. What was read stays read when the caller's patience ends, so that the next
/// try goes on.
async fn read_again(app: &App, upload: &Upload, said: &[upload::Part], found: &Found) -> Result<(), Error> {
    let upload = store::uploads::of(&mut *app.db.acquire().await?, upload.id, upload.owner).await?;
    let upload = upload.ok_or(Refusal::UploadNotFound)?;
    for (number, expected) in said.iter().filter(|(number, _)| *number > upload.checked_parts) {
        let Some((begins, size)) = upload.part(*number) else { continue };
        if app.bucket.sum(&upload.key(), found, begins..begins + size).await? != *expected {
            return Err(Refusal::ChecksumMismatch.into());
        }
        store::uploads::keep_checked(&mut *app.db.acquire().await?, upload.id, *number).await?;
    }
    Ok(())
}

fn same_size(upload: &Upload, found: &Found) -> Result<(), Refusal> {
    if found.size == upload.size { Ok(()) } else { Err(Refusal::SizeMismatch) }
}

async fn look_inside(app: &App, upload: &Upload, key: &str, found: &Found) -> Result<(), Error> {
    let beginning = app.bucket.beginning(key, found, LOOKED_AT).await?;
    if upload.content_type.agrees(&beginning) {
        return Ok(());
    }
    Err(Refusal::ContentMismatch.into())
}

/// Writes what became of the upload, unless somebody else did meanwhile. What nobody needs any more is to be
/// deleted from then on.
async fn save(app: &App, upload: &Upload, verdict: Option<Mismatch>) -> Result<(), Error> {
    let now = app.clock.now();
    let state = verdict.map_or(State::Completed, State::Refused);
    let ended = pg::transaction(&app.db, async |conn| {
        store::uploads::lock_owner(conn, upload.owner).await?;
        let upload = store::uploads::lock(conn, upload.id, upload.owner).await?.ok_or(Refusal::UploadNotFound)?;
        let last_at = upload.writable_until(now);
        if upload.state != State::Open {
            if upload.state != State::Completed {
                // Given up meanwhile, and perhaps cleared away before we put the object in its place.
                super::delete_later(conn, &upload, last_at, now).await?;
            }
            return Ok(false);
        }
        store::uploads::end(conn, upload.id, state).await?;
        if verdict.is_some() {
            super::delete_later(conn, &upload, last_at, now).await?;
            return Ok(true);
        }
        store::files::insert(conn, &upload.becomes(now)).await?;
        if upload.key() != upload.file_key() {
            let deletion = PendingDeletion { key: upload.key(), store_id: String::new(), last_at };
            store::deletions::insert(conn, &deletion, now).await?;
        }
        Ok::<_, Error>(true)
    })
    .await?;
    if ended {
        super::count(upload, state.as_str());
    }
    Ok(())
}
