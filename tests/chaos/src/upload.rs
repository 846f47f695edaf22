//! Files on their way in: whoever dies between the store's answer and the record is continued, and the file is there once.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    client::Person,
    course::id,
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
    let announced = json!({
        "kind": if in_parts { "KIND_MEDIA" } else { "KIND_MATERIAL" },
        "name": if in_parts { "film.mp4" } else { "pattern.pdf" },
        "contentType": if in_parts { "video/mp4" } else { "application/pdf" },
        "sizeBytes": file.len().to_string(),
        "sha256": if in_parts { String::new() } else { sum(file) },
    });
    let upload = manager.post("/v1/uploads", announced).await?;
    let path = format!("/v1/uploads/{}", id(&upload, "uploadId")?);
    if in_parts {
        let size: usize = upload["partSizeBytes"].as_str().context("the size of a part")?.parse()?;
        for (number, piece) in (1..).zip(file.chunks(size)) {
            let wanted = json!({"parts": [{"number": number, "sha256": sum(piece)}]});
            let links = manager.post(&format!("{path}/part-links"), wanted).await?;
            write(fleet, &links["parts"][0]["link"], piece).await?;
        }
    } else {
        write(fleet, &upload["link"], file).await?;
    }
    fleet.arm(point)?;
    let completed = manager.post_keyed(&format!("{path}/complete"), Uuid::new_v4(), json!({})).await?;
    let died_at = eventually(PATIENCE, async || fleet.fired(point).context("nobody came by")).await?;
    fleet.comes_back(&point.process, died_at).await?;
    ensure!(completed["sizeBytes"].as_str() == Some(file.len().to_string().as_str()), "another file: {completed}");
    let rows: i64 = sqlx::query_scalar("select count(*) from files where file_id = $1")
        .bind(id(&completed, "fileId")?)
        .fetch_one(fleet.database("documents")?)
        .await?;
    ensure!(rows == 1, "{rows} files");
    let link = manager.post(&format!("/v1/files/{}/download-link", id(&completed, "fileId")?), json!({})).await?;
    let url = link["url"].as_str().context("a link")?;
    let bytes = fleet.http.get(url).send().await?.error_for_status()?.bytes().await?;
    ensure!(bytes == file, "what comes back is not what went in");
    Ok(())
}

/// Writes bytes where a link says, with the headers that it signs.
async fn write(fleet: &Fleet, link: &Value, bytes: &[u8]) -> Result<()> {
    let mut request = fleet.http.put(link["url"].as_str().context("a link")?).body(bytes.to_vec());
    for (name, value) in link["headers"].as_object().into_iter().flatten() {
        if name != "content-length" {
            request = request.header(name, value.as_str().unwrap_or_default());
        }
    }
    let answer = request.send().await?;
    let status = answer.status();
    ensure!(status.is_success(), "the store answers {status}: {}", answer.text().await.unwrap_or_default());
    Ok(())
}

fn film() -> Vec<u8> {
    let mut film = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41".to_vec();
    film.resize(AT_ONCE + (1 << 20), 7);
    film
}

fn sum(bytes: &[u8]) -> String {
    digest(&SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
