//! `cargo fleet images`: an image for each program of ours, made here without pulling anything.
//!
//! Nothing is run in these images while they are made, so no tool for containers is needed: a few files in a tar file and some
//! JSON are the whole of it, and the same sources give the same digest. `deploy/docker/README.md` says how it goes with Docker.

mod audit;
mod bill;
mod image;
mod layer;
mod next;
pub(crate) mod program;
mod push;
mod stand_in;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use self::bill::{DebianPart, Workspace};
use self::image::{Image, Start};
use self::layer::{Entry, Files, Layer};
use self::program::Sources;
use self::push::Registry;
use self::stand_in::STAND_INS;
use crate::home::Home;
use crate::package;
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
    /// Make stand-ins, from Debian's packages, for the images of others that the chart asks for, instead of ours.
    #[arg(long, conflicts_with_all = ["tag", "push", "next"])]
    stand_ins: bool,
    /// Make those of the next version, which `tests/cluster` goes to and comes back from.
    #[arg(long)]
    next: bool,
}

/// An image of ours may be so big, in bytes, unpacked: what a node keeps of it, and what a start after a failure waits for.
const LIMIT: u64 = 25_000_000;
/// Nobody's number: it must not be a user of any node.
const USER: &str = "65532:65532";
/// As in `plan.rs`: glibc gives back at once what hashing a password took, and threads share two arenas.
const ENVIRONMENT: [&str; 3] = ["PATH=/", "MALLOC_ARENA_MAX=2", "MALLOC_MMAP_THRESHOLD_=4194304"];
const ROOTS: &str = "/usr/share/ca-certificates/mozilla";
/// Where all programs look for the roots.
const ROOTS_INSIDE: &str = "etc/ssl/certs/ca-certificates.crt";

/// Makes them, and shows their sizes and digests.
pub(crate) async fn run(home: &Home, options: &Options) -> Result<()> {
    home.prepare()?;
    if options.stand_ins { stand_ins(home, &options.services).await } else { ours(home, options).await }
}

async fn ours(home: &Home, options: &Options) -> Result<()> {
    let all: Vec<&str> = SERVICES.iter().map(|service| service.name).chain([SANDBOX]).collect();
    let names = chosen(&options.services, all.iter().copied())?;
    let registry = options.push.as_deref().map(Registry::new).transpose()?;
    let mut sources = Sources::of(home.root()).await;
    let mut folder = home.path("images");
    if options.next {
        sources = step("next version", async |_| next::prepare(home, &sources).await).await?;
        folder = folder.join("next");
    }
    fs::create_dir_all(&folder)?;
    // Always all, because cargo would compile what they share once more for fewer, with fewer features, and the bytes would differ.
    let programs = program::build(&sources, &home.root().join(program::FOLDER), &all).await?;
    println!();
    let workspace = Workspace::read(&sources.folder).await?;
    let base = Layer::of(&base_files()?)?;
    let debian = debian_parts().await;

    let mut table = Table::new(&["IMAGE", "COMPRESSED", "UNPACKED", "CRATES", "DIGEST"]);
    let mut too_big = Vec::new();
    for name in names {
        let program = programs.get(name).with_context(|| format!("{name} was not built"))?;
        let made = step(name, async |note| {
            let mut bill = workspace.bill(&sources.folder, name).await?;
            let bytes = audit::embed(program, &bill, &folder)?;
            bill.debian.clone_from(&debian);
            let mut image = of_program(name, bytes, &base, &bill.version, &sources)?;
            if let Some(tag) = &options.tag {
                image.tag.clone_from(tag);
            }
            let digest = image.write(&folder.join(format!("{name}.tar")))?;
            let document = bill.cyclone_dx(&image.repository, &sources.created);
            write(&folder.join(format!("{name}.cdx.json")), &serde_json::to_vec_pretty(&document)?)?;
            if let Some(registry) = &registry {
                note.set(format!("to {}", registry.name));
                registry.push(&image).await?;
                note.set(format!("{}:{}", registry.repository(&image.repository), image.tag));
            }
            anyhow::Ok((image, bill.crates.len(), digest))
        });
        let (image, crates, digest) = made.await?;
        if image.unpacked() >= LIMIT {
            too_big.push(name);
        }
        table.row([
            image.reference(),
            megabytes(image.compressed()),
            megabytes(image.unpacked()),
            crates.to_string(),
            digest,
        ]);
    }
    print!("\n{}", table.render());
    println!("\n  revision {}, archives and SBOMs in {}", sources.revision, folder.display());
    if !too_big.is_empty() {
        bail!("bigger than {}: {}", megabytes(LIMIT), too_big.join(", "));
    }
    Ok(())
}

async fn stand_ins(home: &Home, names: &[String]) -> Result<()> {
    let names = chosen(names, STAND_INS.iter().map(|known| known.name))?;
    package::install(home, stand_in::PACKAGES.iter()).await?;
    let folder = home.path("images");
    fs::create_dir_all(&folder)?;
    let created = Sources::of(home.root()).await.created;
    let mut table = Table::new(&["STAND-IN FOR", "HOLDS", "COMPRESSED", "UNPACKED"]);
    for known in STAND_INS.iter().filter(|known| names.contains(&known.name)) {
        let made = step(known.name, async |_| {
            let (image, bill) = known.make(home, &created).await?;
            image.write(&folder.join(format!("{}.tar", known.name)))?;
            let document = bill.cyclone_dx(&image.repository, &created);
            write(&folder.join(format!("{}.cdx.json", known.name)), &serde_json::to_vec_pretty(&document)?)?;
            anyhow::Ok((image, bill))
        });
        let (image, bill) = made.await?;
        let holds = format!("{} {}", known.name, bill.version);
        table.row([image.reference(), holds, megabytes(image.compressed()), megabytes(image.unpacked())]);
    }
    print!("\n{}", table.render());
    println!("\n  archives and SBOMs in {}", folder.display());
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

/// A program with nothing around it.
fn of_program(name: &str, bytes: Vec<u8>, base: &Layer, version: &str, sources: &Sources) -> Result<Image> {
    let program = Layer::of(&[(name.to_owned(), Entry::File { mode: 0o555, bytes })].into())?;
    let mut labels = vec![
        ("org.opencontainers.image.title", format!("lyceum/{name}")),
        ("org.opencontainers.image.version", version.to_owned()),
        ("org.opencontainers.image.revision", sources.revision.clone()),
        ("org.opencontainers.image.licenses", "Apache-2.0".to_owned()),
    ];
    if let Some(url) = &sources.url {
        labels.push(("org.opencontainers.image.source", url.clone()));
    }
    Ok(Image {
        repository: format!("docker.io/lyceum/{name}"),
        tag: version.to_owned(),
        // What all share comes first, so that a node and a registry keep it once.
        layers: vec![base.clone(), program],
        created: sources.created.clone(),
        labels,
        start: Start {
            user: USER.to_owned(),
            environment: ENVIRONMENT.map(str::to_owned).into(),
            entrypoint: vec![format!("/{name}")],
            arguments: Vec::new(),
            folder: "/".to_owned(),
        },
    })
}

/// What a static program expects of a system: roots to trust, a name for its number, where names of hosts are looked up.
fn base_files() -> Result<Files> {
    let file = |text: &str| Entry::File { mode: 0o644, bytes: text.as_bytes().to_vec() };
    let files = [
        (ROOTS_INSIDE, Entry::File { mode: 0o644, bytes: roots()? }),
        ("etc/passwd", file("root:x:0:0::/:/nonexistent\nlyceum:x:65532:65532::/:/nonexistent\n")),
        ("etc/group", file("root:x:0:\nlyceum:x:65532:\n")),
        ("etc/nsswitch.conf", file("hosts: files dns\n")),
        ("tmp", Entry::Folder { mode: 0o1777 }),
    ];
    Ok(files.into_iter().map(|(path, entry)| (path.to_owned(), entry)).collect())
}

/// The roots as Debian's package brings them. Not the machine's own bundle, to which somebody may have added theirs.
fn roots() -> Result<Vec<u8>> {
    let missing = "the certificates to trust are missing (Debian: ca-certificates)";
    let mut paths: Vec<PathBuf> = fs::read_dir(ROOTS)
        .context(missing)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "crt"))
        .collect();
    paths.sort();
    let roots: Vec<u8> = paths.iter().map(fs::read).collect::<std::io::Result<Vec<_>>>()?.concat();
    if roots.is_empty() {
        bail!(missing);
    }
    Ok(roots)
}

/// What of Debian's is inside a static program and around it.
async fn debian_parts() -> Vec<DebianPart> {
    let glibc = bill::debian("libc6-dev", "LGPL-2.1-or-later").await;
    let roots = bill::debian("ca-certificates", "MPL-2.0 AND GPL-2.0-or-later").await;
    glibc.into_iter().chain(roots).collect()
}

/// Writes a file whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = path.with_extension("new");
    fs::write(&draft, bytes)
        .and_then(|()| fs::rename(&draft, path))
        .with_context(|| format!("cannot write {}", path.display()))
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
