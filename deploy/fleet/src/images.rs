//! `cargo fleet images`: an image for each program of ours, made here without pulling anything.
//!
//! The programs are compiled here, statically; what an image is stands in `deploy/docker/Dockerfile`, whose last stage buildah makes.
//! Others, such as that of backups, have a folder of their own in `deploy`. `.ci/push` sends all to a registry.

mod buildah;
mod inventory;
pub(crate) mod program;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use self::buildah::{Buildah, Image, Written};
use self::program::Sources;
use crate::account::is_root;
use crate::home::{Home, write_json};
use crate::package::{self, Package};
use crate::process::succeed;
use crate::progress::{Table, step};
use crate::service::{SANDBOX, SERVICES};

/// What is wanted.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Of which services, `sandbox`, `backup`, …; of all by default.
    services: Vec<String>,
    /// How they are tagged; with their version by default.
    #[arg(long)]
    tag: Option<String>,
    /// Make those of the next version, which `tests/cluster` goes to and comes back from.
    #[arg(long)]
    next: bool,
}

/// An image of a program may be so big, in bytes, unpacked: what a node keeps of it, and what a start after a failure waits for.
const LIMIT: u64 = 25_000_000;

/// Makes them, and shows their sizes and digests.
pub(crate) async fn run(home: &Home, options: &Options) -> Result<()> {
    home.prepare()?;
    package::install(home, [buildah::PACKAGE, Package("mmdebstrap", "mmdebstrap", "mmdebstrap")].iter()).await?;
    let all: Vec<&str> = SERVICES.iter().map(|service| service.name).chain([SANDBOX]).collect();
    let others = others(home.root())?;
    let names = chosen(&options.services, all.iter().copied().chain(others.iter().map(String::as_str)))?;
    let mut sources = Sources::of(home.root()).await;
    let mut folder = home.path("images");
    if options.next {
        package::install(home, [Package("rsync", "rsync", "rsync")].iter()).await?;
        sources = step("next version", async |_| next_version(home, &sources).await).await?;
        folder = folder.join("next");
    }
    fs::create_dir_all(&folder)?;
    let mut programs = BTreeMap::new();
    if names.iter().any(|name| all.contains(name)) {
        // Always all, because cargo would compile what they share once more for fewer, with fewer features, and the bytes would differ.
        programs = program::build(&sources, &home.root().join(program::FOLDER), &all).await?;
        println!();
    }
    let inventories = step("inventories", async |_| inventory::of_programs(&sources).await).await?;
    let debian = inventory::of_static_programs().await;
    let buildah = Buildah::begin(home)?;

    let mut table = Table::new(&["IMAGE", "COMPRESSED", "UNPACKED", "PARTS", "DIGEST"]);
    let mut too_big = Vec::new();
    for name in names {
        // All have the version of the workspace.
        let is_program = all.contains(&name);
        let mut document = inventories.get(if is_program { name } else { SANDBOX }).context("no inventory")?.clone();
        let version = document["metadata"]["component"]["version"].as_str().unwrap_or_default().to_owned();
        let image = Image {
            reference: format!("docker.io/lyceum/{name}:{}", options.tag.as_deref().unwrap_or(&version)),
            created: &sources.created,
            arguments: vec![
                ("SERVICE", name.to_owned()),
                ("VERSION", version),
                ("REVISION", sources.revision.clone()),
                ("SOURCE", sources.url.clone().unwrap_or_else(|| "unknown".to_owned())),
            ],
        };
        let (context, listed) = (folder.join(format!("{name}.context")), folder.join(format!("{name}.cdx.json")));
        let made = step(name, async |_| {
            emptied(&context)?;
            let place = sources.folder.join("deploy").join(if is_program { "docker" } else { name });
            let mut lay_out = Command::new(place.join("lay-out"));
            if is_program {
                inventory::complete(&mut document, &format!("docker.io/lyceum/{name}"), &debian)?;
                write_json(&listed, &document)?;
                lay_out.arg(programs.get(name).context("it was not built")?).arg(&context);
            } else {
                lay_out.arg(&context).arg(&listed).env("SOURCE_DATE_EPOCH", &sources.created);
            }
            succeed(&mut lay_out).await?;
            buildah.build(&place.join("Dockerfile"), &context, &image).await?;
            let written = buildah.write(&image.reference, &folder.join(format!("{name}.tar"))).await?;
            fs::remove_dir_all(&context)?;
            anyhow::Ok(written)
        });
        let Written { digest, compressed, unpacked } = made.await?;
        if unpacked >= LIMIT && is_program {
            too_big.push(name);
        }
        let listed: serde_json::Value = serde_json::from_slice(&fs::read(listed)?)?;
        let parts = listed["components"].as_array().map_or(0, Vec::len);
        table.row([image.reference, megabytes(compressed), megabytes(unpacked), parts.to_string(), digest]);
    }
    print!("\n{}", table.render());
    println!("\n  revision {}, archives and SBOMs in {}", sources.revision, folder.display());
    if !too_big.is_empty() {
        bail!("bigger than {}: {}", megabytes(LIMIT), too_big.join(", "));
    }
    Ok(())
}

/// Images that hold no program of ours, such as `backup`: each has a folder in `deploy` with a script that lays its files out, which
/// may have to unpack Debian's packages, as root.
fn others(root: &Path) -> Result<Vec<String>> {
    let folders = fs::read_dir(root.join("deploy"))?.flatten().map(|entry| entry.path());
    let described = folders.filter(|folder| folder.join("lay-out").is_file() && !folder.ends_with("docker"));
    let mut names: Vec<String> =
        described.filter_map(|folder| Some(folder.file_name()?.to_str()?.to_owned())).filter(|_| is_root()).collect();
    names.sort();
    Ok(names)
}

/// The wanted ones of those that exist, in their order; all if none is named.
fn chosen<'a>(wanted: &[String], known: impl Iterator<Item = &'a str>) -> Result<Vec<&'a str>> {
    let known: Vec<&str> = known.collect();
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("there is no image of {unknown}: expected some of {}", known.join(", "));
    }
    Ok(known.into_iter().filter(|name| wanted.is_empty() || wanted.iter().any(|other| other == name)).collect())
}

/// The version after this one, whose sources a script of the suite puts together.
async fn next_version(home: &Home, sources: &Sources) -> Result<Sources> {
    let folder = home.path("next");
    succeed(Command::new(home.root().join("tests/cluster/next/prepare")).arg(&folder)).await?;
    Ok(Sources { folder, revision: format!("{}-next", sources.revision), ..sources.clone() })
}

fn emptied(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    Ok(fs::create_dir_all(folder)?)
}

/// Millions of bytes, to one decimal.
fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_named_and_others_are_refused() {
        let all = ["users", "gateway", "sandbox"];
        assert_eq!(chosen(&[], all.into_iter()).unwrap(), all);
        let some = ["sandbox".to_owned(), "users".to_owned()];
        assert_eq!(chosen(&some, all.into_iter()).unwrap(), ["users", "sandbox"]);
        assert!(chosen(&["nobody".to_owned()], all.into_iter()).is_err());
    }

    #[test]
    fn sizes_are_shown_as_people_compare_them() {
        assert_eq!([0, 99_999, 12_345_678, LIMIT].map(megabytes), ["0.0 MB", "0.0 MB", "12.3 MB", "25.0 MB"]);
    }
}
