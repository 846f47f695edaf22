//! Let parts of a big file be written.

use crate::{
    App, Error,
    bucket::{WriteLink, Writing},
    domain::{
        file::Sha256,
        id::{UploadId, UserId},
        upload::{LINK_WORKS, Refusal, Upload, Way},
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

/// An upload in parts that is open, and how many parts it has: what a request for links is checked by.
pub async fn in_parts(app: &App, owner: UserId, id: UploadId) -> Result<Upload, Error> {
    let upload = store::uploads::of(&mut *app.db.acquire().await?, id, owner).await?.ok_or(Refusal::NotFound)?;
    match upload.way {
        Way::AtOnce(_) => Err(Refusal::NotInParts.into()),
        Way::InParts(_) if !upload.is_open(app.clock.now()) => Err(Refusal::Over.into()),
        Way::InParts(_) => Ok(upload),
    }
}

/// Signs links. What the parts are said to hold is written down first, so that nothing else counts when they are joined.
pub async fn sign_parts(app: &App, upload: Upload, parts: &[(i32, Sha256)]) -> Result<Vec<SignedPart>, Error> {
    let store_id = match &upload.store_id {
        Some(store_id) => store_id.clone(),
        None => begin(app, &upload).await?,
    };
    pg::transaction(&app.db, async |conn| {
        let upload = store::uploads::lock(conn, upload.id, upload.owner).await?.ok_or(Refusal::NotFound)?;
        if !upload.is_open(app.clock.now()) {
            return Err(Error::from(Refusal::Over));
        }
        Ok(store::uploads::keep_parts(conn, upload.id, parts).await?)
    })
    .await?;
    let (key, now) = (upload.key(), app.clock.now());
    let sign = |(number, sha256): &(i32, Sha256)| {
        let (_, size) = upload.part(*number)?;
        let writing = Writing { content_type: None, size, sha256: *sha256 };
        let place = (store_id.as_str(), u16::try_from(*number).ok()?);
        let link = app.bucket.part_link(&key, place, writing, LINK_WORKS, now);
        Some(SignedPart { number: *number, size, link })
    };
    Ok(parts.iter().filter_map(sign).collect())
}

/// Begins the upload at the store. Of two that begin at once one is given up; one whose process dies here holds no bytes.
async fn begin(app: &App, upload: &Upload) -> Result<String, Error> {
    let key = upload.key();
    let begun = app.bucket.begin(&key, upload.content_type.as_str()).await?;
    let kept = store::uploads::keep_store_id(&mut *app.db.acquire().await?, upload.id, &begun).await?;
    if kept.as_deref() != Some(begun.as_str()) {
        app.bucket.give_up(&key, &begun).await?;
    }
    Ok(kept.ok_or(Refusal::Over)?)
}
