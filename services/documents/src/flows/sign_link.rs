//! Let a file be read from where it is, or an upload be written, by links that work for a while.

use std::time::Duration;

use crate::{
    App,
    bucket::{Link, Reading, WriteLink, Writing},
    domain::{
        File, Upload,
        upload::{LINK_WORKS, Way},
    },
};

/// A link to read a file: by the CDN for what belongs to courses, from the store itself for what belongs to people.
pub fn to_read(app: &App, file: &File, works: Duration) -> Link {
    let now = app.clock.now();
    match &app.cdn {
        Some(cdn) if file.kind.is_of_course() => {
            let expires_at = now + works;
            Link { url: cdn.link(&file.key(), expires_at), expires_at }
        }
        _ => app.bucket.link(&file.key(), &Reading::of(file), works, now),
    }
}

/// A link to write an upload; none where it comes in parts or is over.
pub fn to_write(app: &App, upload: &Upload) -> Option<WriteLink> {
    let now = app.clock.now();
    let Way::AtOnce(sha256) = upload.way else { return None };
    let content_type = Some(upload.content_type.as_str());
    let writing = Writing { content_type, size: upload.size, sha256 };
    upload.is_open(now).then(|| app.bucket.write_link(&upload.key(), writing, LINK_WORKS, now))
}
