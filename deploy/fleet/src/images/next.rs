//! The version after this one, for the proof that a fleet goes there and back without a failed request: a copy of the tree with
//! the changes of `tests/cluster/next/`. Nothing of it is ever part of the product.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

use super::program::Sources;
use crate::cargo;
use crate::home::Home;

/// Where the changes are, relative to the repository.
const CHANGES: &str = "tests/cluster/next";

/// Puts the sources of the next version into `.fleet/next`.
pub(crate) async fn prepare(home: &Home, sources: &Sources) -> Result<Sources> {
    let (draft, folder) = (home.path("next.new"), home.path("next"));
    remove(&draft)?;
    let files = tracked(home.root()).await?;
    for file in &files {
        let to = draft.join(file);
        fs::create_dir_all(to.parent().unwrap_or(&draft))?;
        fs::copy(home.root().join(file), &to).with_context(|| format!("cannot copy {}", file.display()))?;
    }
    apply(home.root(), &draft).await?;
    raise_version(&draft)?;
    // The lock file names our crates with their versions.
    let mut update = cargo::outside(&draft);
    update.args(["update", "--workspace", "--offline", "--quiet"]);
    succeed(update, "cargo could not renew the lock file of the next version").await?;
    synchronise(&draft, &folder)?;
    remove(&draft)?;
    Ok(Sources { folder, revision: format!("{}-next", sources.revision), ..sources.clone() })
}

/// Applies all changes, and fails loudly when one of them does not fit any more.
async fn apply(root: &Path, to: &Path) -> Result<()> {
    let mut changes: Vec<PathBuf> = fs::read_dir(root.join(CHANGES))
        .with_context(|| format!("cannot read {CHANGES}"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "patch"))
        .collect();
    changes.sort();
    if changes.is_empty() {
        bail!("there is no patch in {CHANGES}");
    }
    for change in changes {
        let mut patch = Command::new("patch");
        patch.args(["--strip=1", "--batch", "--forward", "--fuzz=2", "--no-backup-if-mismatch", "--reject-file=-"]);
        patch.arg("--input").arg(&change).current_dir(to);
        let name = change.file_name().unwrap_or_default().display().to_string();
        let why = format!(
            "{CHANGES}/{name} does not fit the sources any more: change it until `patch --strip=1 --dry-run --input={CHANGES}/{name}` is content"
        );
        succeed(patch, &why).await?;
    }
    Ok(())
}

/// Writes the next minor version into the workspace.
fn raise_version(folder: &Path) -> Result<()> {
    let path = folder.join("Cargo.toml");
    let text = fs::read_to_string(&path)?;
    let (before, after) =
        text.split_once("[workspace.package]\nversion = \"").context("the workspace has no version")?;
    let (version, rest) = after.split_once('"').context("the workspace's version does not end")?;
    fs::write(&path, format!("{before}[workspace.package]\nversion = \"{}\"{rest}", next(version)?))?;
    Ok(())
}

fn next(version: &str) -> Result<String> {
    let mut numbers = version.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor)), Some(Ok(_)), None) => Ok(format!("{major}.{}.0", minor + 1)),
        _ => bail!("{version} is no plain version"),
    }
}

/// Makes `to` equal to `from` and leaves alone what is equal already, because cargo goes by the time of a file.
fn synchronise(from: &Path, to: &Path) -> Result<()> {
    let (new, old) = (files_below(from)?, files_below(to)?);
    for gone in old.difference(&new) {
        fs::remove_file(to.join(gone))?;
    }
    for file in &new {
        let bytes = fs::read(from.join(file))?;
        let target = to.join(file);
        if fs::read(&target).is_ok_and(|known| known == bytes) {
            continue;
        }
        fs::create_dir_all(target.parent().unwrap_or(to))?;
        fs::write(&target, bytes).with_context(|| format!("cannot write {}", target.display()))?;
    }
    Ok(())
}

fn files_below(folder: &Path) -> Result<BTreeSet<PathBuf>> {
    let (mut files, mut folders) = (BTreeSet::new(), vec![folder.to_owned()]);
    while let Some(current) = folders.pop() {
        let entries = match fs::read_dir(&current) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => folders.push(entry.path()),
                false => drop(files.insert(entry.path().strip_prefix(folder)?.to_owned())),
            }
        }
    }
    Ok(files)
}

/// The files that belong to the tree: known to git, or new and not ignored.
async fn tracked(root: &Path) -> Result<Vec<PathBuf>> {
    let mut list = Command::new("git");
    list.arg("-C").arg(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]);
    let output = succeed(list, "git could not list the files of the tree").await?;
    let files = String::from_utf8(output.stdout)?;
    let files = files.split('\0').filter(|file| !file.is_empty()).map(PathBuf::from);
    Ok(files.filter(|file| root.join(file).is_file()).collect())
}

async fn succeed(mut command: Command, failure: &str) -> Result<Output> {
    let program = command.as_std().get_program().display().to_string();
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        let said = [&output.stdout[..], &output.stderr[..]].map(String::from_utf8_lossy).concat();
        bail!("{failure}\n{}", said.trim());
    }
    Ok(output)
}

fn remove(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_version_is_a_minor_one_further() {
        assert_eq!(next("0.1.0").unwrap(), "0.2.0");
        assert_eq!(next("1.9.3").unwrap(), "1.10.0");
        assert!(next("1.0.0-rc.1").is_err());
        assert!(next("1.0").is_err());
    }

    #[test]
    fn only_what_changed_is_written_and_what_is_gone_is_removed() {
        let home = Home::for_unit_test("next");
        let (from, to) = (home.path("from"), home.path("to"));
        fs::create_dir_all(from.join("a")).unwrap();
        fs::create_dir_all(&to).unwrap();
        for (path, text) in [("from/same", "1"), ("to/same", "1"), ("from/a/new", "2"), ("to/gone", "3")] {
            fs::write(home.path(path), text).unwrap();
        }
        let time = || fs::metadata(home.path("to/same")).unwrap().modified().unwrap();
        let before = time();
        synchronise(&from, &to).unwrap();
        assert_eq!(files_below(&to).unwrap(), files_below(&from).unwrap());
        assert_eq!(time(), before);
        home.remove().unwrap();
    }

    #[tokio::test]
    async fn a_change_that_does_not_fit_is_refused_by_its_name() {
        let home = Home::for_unit_test("next-patch");
        fs::create_dir_all(home.path(CHANGES)).unwrap();
        let change = "--- a/file\n+++ b/file\n@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n";
        fs::write(home.path(CHANGES).join("0.patch"), change).unwrap();
        fs::write(home.path("file"), "one\ntwo\nthree\n").unwrap();
        apply(home.dir(), home.dir()).await.unwrap();
        assert_eq!(fs::read_to_string(home.path("file")).unwrap(), "one\nzwei\nthree\n");
        let refused = apply(home.dir(), home.dir()).await.unwrap_err().to_string();
        assert!(refused.contains("0.patch does not fit"), "{refused}");
        home.remove().unwrap();
    }
}
