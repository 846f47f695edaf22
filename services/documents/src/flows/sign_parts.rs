//! Let parts of a big file be written.

use crate::{
    App, Error,
    bucket::{WriteLink, Writing},
    domain::{
        Refusal, Upload,
        id::{UploadId, UserId},
        upload::{LINK_WORKS, Part, Way},
    },
    store,
};

/// A part with the link to write it to.
#[derive(Debug)]
pub struct SignedPart {
    pub number: i32,
    /// In bytes.
    pub size: i64,
    pub link: WriteLink,
}

/// Signs links to parts of an upload of one's own. What they are said to hold is written down first, so that nothing
/// else counts when they are joined.
pub async fn run(app: &App, owner: UserId, id: UploadId, parts: &[Part]) -> Result<Vec<SignedPart>, Error> {
    let upload = in_parts(app, owner, id).await?;
    upload.check_parts(parts)?;
    let store_id = match &upload.store_id {
        Some(store_id) => store_id.clone(),
        None => begin(app, &upload).await?,
    };
    pg::transaction(&app.db, async |conn| {
        let upload = store::uploads::lock(conn, id, owner).await?.ok_or(Refusal::UploadNotFound)?;
        if !upload.is_open(app.clock.now()) {
            return Err(Error::from(Refusal::UploadOver));
        }
        Ok(store::uploads::keep_parts(conn, id, parts).await?)
    })
    .await?;
    let (key, now) = (upload.key(), app.clock.now());
    let sign = |(number, sha256): &Part| {
        let (_, size) = upload.part(*number)?;
        let writing = Writing { content_type: None, size, sha256: *sha256 };
        let place = (store_id.as_str(), u16::try_from(*number).ok()?);
        let link = app.bucket.part_link(&key, place, writing, LINK_WORKS, now);
        Some(SignedPart { number: *number, size, link })
    };
    Ok(parts.iter().filter_map(sign).collect())
}

/// An upload of one's own, with the numbers of the parts that the store holds while it is open.
pub async fn look(app: &App, owner: UserId, id: UploadId) -> Result<(Upload, Vec<i32>), Error> {
    let upload = store::uploads::of(&mut *app.db.acquire().await?, id, owner).await?.ok_or(Refusal::UploadNotFound)?;
    let mut stored = None;
    if let (true, Some(store_id)) = (upload.is_open(app.clock.now()), &upload.store_id) {
        stored = app.bucket.parts(&upload.key(), store_id).await?;
    }
    Ok((upload, stored.unwrap_or_default().into_iter().map(|part| part.number).collect()))
}

/// An upload in parts that is open.
async fn in_parts(app: &App, owner: UserId, id: UploadId) -> Result<Upload, Error> {
    let upload = store::uploads::of(&mut *app.db.acquire().await?, id, owner).await?.ok_or(Refusal::UploadNotFound)?;
    match upload.way {
        Way::AtOnce(_) => Err(Refusal::UploadNotInParts.into()),
        Way::InParts(_) if !upload.is_open(app.clock.now()) => Err(Refusal::UploadOver.into()),
        Way::InParts(_) => Ok(upload),
    }
}

/// Begins the upload at the store. Of two that begin at once one is given up; one whose process dies here holds no
/// bytes.
async fn begin(app: &App, upload: &Upload) -> Result<String, Error> {
    let key = upload.key();
    let begun = app.bucket.begin(&key, upload.content_type.as_str()).await?;
    let kept = store::uploads::keep_store_id(&mut *app.db.acquire().await?, upload.id, &begun).await?;
    if kept.as_deref() != Some(begun.as_str()) {
        app.bucket.give_up(&key, &begun).await?;
    }
    Ok(kept.ok_or(Refusal::UploadOver)?)
}
