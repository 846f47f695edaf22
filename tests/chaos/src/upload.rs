//! Files on their way in: whoever dies between the store's answer and the record is continued, and the file is there once.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use people::{Paper, Person};
use proto::lyceum::documents::v1::file::Kind;
use uuid::Uuid;

use crate::{
    fleet::{Fleet, eventually},
    point::Point,
};

/// How long a dead process may be away.
const PATIENCE: Duration = Duration::from_secs(30);
/// One more than this is written in parts.
const AT_ONCE: usize = 64 << 20;
const PDF: &[u8] = b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj << /Type /Catalog >> endobj\n";

fn point(name: &str) -> Point {
    Point { process: "documents".to_owned(), name: format!("complete_upload.{name}") }
}

/// The points that only this scenario reaches.
pub fn points() -> Vec<Point> {
    ["joined", "placed", "committed"].map(point).to_vec()
}

/// One upload for each point, and the process dies there.
pub async fn run(fleet: &Arc<Fleet>, manager: &Person) -> Result<()> {
    for point in points() {
        let file = if point.name.ends_with("joined") { film() } else { PDF.to_vec() };
        let uploaded = one(fleet, manager, &point, &file).await;
        fleet.disarm(&point);
        uploaded.with_context(|| point.to_string())?;
    }
    Ok(())
}

async fn one(fleet: &Arc<Fleet>, manager: &Person, point: &Point, file: &[u8]) -> Result<()> {
    let in_parts = file.len() > AT_ONCE;
    let paper = if in_parts {
        Paper { kind: Kind::Media, name: "film.mp4", content_type: "video/mp4", bytes: file }
    } else {
        Paper { kind: Kind::Material, name: "pattern.pdf", content_type: "application/pdf", bytes: file }
    };
    let upload = manager.write(&paper, in_parts).await?;
    fleet.arm(point)?;
    let completed = manager.complete_upload(&upload).await?;
    let died_at = eventually(PATIENCE, async || fleet.fired(point).context("nobody came by")).await?;
    fleet.comes_back(&point.process, died_at).await?;
    ensure!(completed.size_bytes == i64::try_from(file.len())?, "another file: {completed:?}");
    let rows: i64 = sqlx::query_scalar("select count(*) from files where file_id = $1")
        .bind(completed.file_id.parse::<Uuid>()?)
        .fetch_one(fleet.database("documents")?)
        .await?;
    ensure!(rows == 1, "{rows} files");
    ensure!(manager.read_file(&completed.file_id).await? == file, "what comes back is not what went in");
    Ok(())
}

fn film() -> Vec<u8> {
    let mut film = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".to_vec();
    film.resize(AT_ONCE + (1 << 20), 7);
    film
}
