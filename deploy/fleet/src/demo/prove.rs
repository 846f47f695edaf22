//! The end of the journey: the certificate with its PDF and its public page, and what the manager sees of it all.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::timeline::Timeline;
use super::{EFFECT, money};
use crate::rest::{Rest, eventually, list, text};
use crate::school::{PASSWORD, School};
use crate::web;

/// Waits for the certificate, opens its PDF and the page to which its QR code leads.
pub(super) async fn certificate(rest: &Rest, timeline: &mut Timeline) -> Result<()> {
    let certificate = timeline
        .step(rest, "the certificate", async |rest| {
            let printed = eventually("that the certificate is printed", EFFECT, async || {
                let mine = rest.get("/v1/me/certificates").await?;
                let first = list(&mine, "certificates").first().cloned();
                Ok(first.filter(|certificate| certificate["state"] == "STATE_PRINTED"))
            })
            .await?;
            let told = format!("{} for {}", text(&printed, "number")?, text(&printed, "holderName")?);
            Ok((told, printed))
        })
        .await?;
    timeline
        .step(rest, "its PDF, from the object store", async |rest| {
            let path = format!("/v1/certificates/{}/download-link", text(&certificate, "certificateId")?);
            let link = rest.post(&path, serde_json::json!({})).await?;
            let answer = web::client(EFFECT)?.get(text(&link, "url")?).send().await?.error_for_status()?;
            let pdf = answer.bytes().await?;
            ensure!(pdf.starts_with(b"%PDF-"), "what the link leads to is no PDF");
            Ok(format!("{} kB", pdf.len() / 1024))
        })
        .await?;
    timeline
        .step(rest, "its check page", async |_| {
            let address = text(&certificate, "checkUrl")?;
            let page = web::client(EFFECT)?.get(address).send().await?.error_for_status()?.text().await?;
            for shown in ["number", "holderName", "courseTitle"] {
                let shown = text(&certificate, shown)?;
                ensure!(page.contains(shown), "{address} does not show {shown}");
            }
            Ok(address.to_owned())
        })
        .await
}

/// Signs in as the manager and waits until the reports have heard of this learner's order and certificate.
pub(super) async fn report(gateway: &str, school: &School, timeline: &mut Timeline) -> Result<()> {
    let mut manager = Rest::new(gateway)?;
    manager.sign_in(&school.person("manager")?.email, PASSWORD).await?;
    timeline
        .step(&manager, "the manager's report", async |manager| {
            let dashboard = eventually("that the reports have heard of the order", EFFECT, async || {
                let dashboard = manager.get("/v1/reports/dashboard").await?;
                let today = &dashboard["today"];
                let heard = number(today, "ordersPaid")? > 0 && number(today, "certificates")? > 0;
                Ok(heard.then_some(dashboard))
            })
            .await?;
            let today = &dashboard["today"];
            Ok(format!(
                "today: {} of {} orders, {} learners, {} completed, {} certificates",
                money(&today["netRevenue"])?,
                number(today, "ordersPaid")?,
                number(today, "activeLearners")?,
                number(today, "completions")?,
                number(today, "certificates")?,
            ))
        })
        .await
}

/// A whole number, which the API writes as a text.
fn number(figures: &Value, field: &str) -> Result<i64> {
    text(figures, field)?.parse().with_context(|| format!("{field} is no number: {figures}"))
}
