//! `cargo fleet images`: an image for each program of ours, made here without pulling anything.
//!
//! The programs are compiled here, statically; what an image is stands in `deploy/docker/Dockerfile`, whose last stage buildah makes.

mod buildah;
mod inventory;
pub(crate) mod program;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use self::buildah::{Buildah, Image, Written};
use self::program::Sources;
use crate::home::{Home, write_json};
use crate::package::{self, Package};
use crate::process::succeed;
use crate::progress::{Table, step};
use crate::service::{SANDBOX, SERVICES};

/// What is wanted.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Of which services; of all, and of the sandbox, by default.
    services: Vec<String>,
    /// How they are tagged; with their version by default.
    #[arg(long)]
    tag: Option<String>,
    /// Send them to this registry as well, such as 127.0.0.1:5000 or registry.example/school.
    #[arg(long, value_name = "REGISTRY")]
    push: Option<String>,
    /// Make those of the next version, which `tests/cluster` goes to and comes back from.
    #[arg(long)]
    next: bool,
}

/// An image of ours may be so big, in bytes, unpacked: what a node keeps of it, and what a start after a failure waits for.
const LIMIT: u64 = 25_000_000;

/// Makes them, and shows their sizes and digests.
pub(crate) async fn run(home: &Home, options: &Options) -> Result<()> {
    home.prepare()?;
    package::install(home, [buildah::PACKAGE].iter()).await?;
    let all: Vec<&str> = SERVICES.iter().map(|service| service.name).chain([SANDBOX]).collect();
    let names = chosen(&options.services, all.iter().copied())?;
    let registry = options.push.as_deref().map(registry_name).transpose()?;
    let mut sources = Sources::of(home.root()).await;
    let mut folder = home.path("images");
    if options.next {
        package::install(home, [Package("rsync", "rsync", "rsync")].iter()).await?;
        sources = step("next version", async |_| next_version(home, &sources).await).await?;
        folder = folder.join("next");
    }
    fs::create_dir_all(&folder)?;
    // Always all, because cargo would compile what they share once more for fewer, with fewer features, and the bytes would differ.
    let programs = program::build(&sources, &home.root().join(program::FOLDER), &all).await?;
    println!();
    let inventories = step("inventories", async |_| inventory::of_programs(&sources).await).await?;
    let debian = inventory::of_static_programs().await;
    let buildah = Buildah::begin(home)?;

    let mut table = Table::new(&["IMAGE", "COMPRESSED", "UNPACKED", "CRATES", "DIGEST"]);
    let mut too_big = Vec::new();
    for name in names {
        let mut document = inventories.get(name).with_context(|| format!("{name} has no inventory"))?.clone();
        let crates = inventory::complete(&mut document, &format!("docker.io/lyceum/{name}"), &debian)?;
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
        let written = step(name, async |note| {
            let context = emptied(&folder.join(format!("{name}.context")))?;
            let mut lay_out = Command::new(home.root().join("deploy/docker/lay-out"));
            succeed(lay_out.arg(programs.get(name).context("it was not built")?).arg(&context)).await?;
            buildah.build(&home.root().join("deploy/docker/Dockerfile"), &context, home.root(), &image).await?;
            let written = buildah.write(&image.reference, &folder.join(format!("{name}.tar"))).await?;
            write_json(&folder.join(format!("{name}.cdx.json")), &document)?;
            if let Some(registry) = &registry {
                let to = format!("{registry}/{}", image.reference.trim_start_matches("docker.io/"));
                note.set(format!("to {registry}"));
                buildah.push(&image.reference, &format!("docker://{to}")).await?;
                note.set(to);
            }
            fs::remove_dir_all(&context)?;
            anyhow::Ok(written)
        });
        let Written { digest, compressed, unpacked } = written.await?;
        if unpacked >= LIMIT {
            too_big.push(name);
        }
        table.row([image.reference, megabytes(compressed), megabytes(unpacked), crates.to_string(), digest]);
    }
    print!("\n{}", table.render());
    println!("\n  revision {}, archives and SBOMs in {}", sources.revision, folder.display());
    if !too_big.is_empty() {
        bail!("bigger than {}: {}", megabytes(LIMIT), too_big.join(", "));
    }
    Ok(())
}

/// The wanted ones of those that exist, in their order; all if none is named.
fn chosen(wanted: &[String], known: impl Iterator<Item = &'static str>) -> Result<Vec<&'static str>> {
    let known: Vec<&str> = known.collect();
    if let Some(unknown) = wanted.iter().find(|name| !known.contains(&name.as_str())) {
        bail!("there is no image of {unknown}: expected some of {}", known.join(", "));
    }
    Ok(known.into_iter().filter(|name| wanted.is_empty() || wanted.iter().any(|other| other == name)).collect())
}

/// What stands before the name of an image: the host, perhaps with a folder of the registry's.
fn registry_name(text: &str) -> Result<String> {
    let name = text.trim_end_matches('/');
    if name.is_empty() || name.contains("://") {
        bail!("{text} is no registry: expected host:port, perhaps with a path");
    }
    Ok(name.to_owned())
}

/// The version after this one, whose sources a script of the suite puts together.
async fn next_version(home: &Home, sources: &Sources) -> Result<Sources> {
    let folder = home.path("next");
    succeed(Command::new(home.root().join("tests/cluster/next/prepare")).arg(&folder)).await?;
    Ok(Sources { folder, revision: format!("{}-next", sources.revision), ..sources.clone() })
}

fn emptied(folder: &Path) -> Result<PathBuf> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    Ok(folder.to_owned())
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
    fn a_registry_is_a_host_with_perhaps_a_path() {
        assert_eq!(registry_name("registry.example/school/").unwrap(), "registry.example/school");
        assert!(registry_name("https://registry.example").is_err());
        assert!(registry_name("").is_err());
    }

    #[test]
    fn sizes_are_shown_as_people_compare_them() {
        assert_eq!([0, 99_999, 12_345_678, LIMIT].map(megabytes), ["0.0 MB", "0.0 MB", "12.3 MB", "25.0 MB"]);
    }
}
