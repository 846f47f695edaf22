//! Layers of images: a tar file whose bytes follow from what is in it, compressed, with the digests by which both are known.
//!
//! Nothing of this machine gets in: every entry belongs to root, was changed at the epoch, and comes in the order of its path.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use ring::digest::{SHA256, digest};

/// What a path of an image is.
#[derive(Debug)]
pub(crate) enum Entry {
    Folder { mode: u32 },
    File { mode: u32, bytes: Vec<u8> },
}

/// Files by their path, without a slash in front. Folders above them need not be named.
pub(crate) type Files = BTreeMap<String, Entry>;

/// A layer, ready to be stored.
#[derive(Clone, Debug)]
pub(crate) struct Layer {
    /// What the registry stores: the compressed bytes.
    pub(crate) blob: Vec<u8>,
    /// The digest of the tar file, by which the configuration of an image names the layer.
    pub(crate) content: String,
    /// How big the tar file is.
    pub(crate) unpacked: u64,
}

impl Layer {
    /// A layer with these files.
    pub(crate) fn of(files: &Files) -> Result<Self> {
        Self::of_tar(&tar(files)?)
    }

    /// A layer from a tar file that somebody else wrote.
    pub(crate) fn of_tar(tar: &[u8]) -> Result<Self> {
        Ok(Self { blob: compress(tar)?, content: sha256(tar), unpacked: tar.len() as u64 })
    }
}

/// A digest as OCI writes it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(digest(&SHA256, bytes)))
}

/// The files with the folders above them, as a tar file.
pub(crate) fn tar(files: &Files) -> Result<Vec<u8>> {
    let mut all: BTreeMap<&str, Option<&Entry>> = BTreeMap::new();
    for (path, entry) in files {
        for (at, _) in path.match_indices('/') {
            all.entry(&path[..at]).or_insert(None);
        }
        all.insert(path, Some(entry));
    }
    let mut tar = Vec::new();
    for (path, entry) in all {
        let (kind, mode, bytes) = match entry {
            None => (b'5', 0o755, &[][..]),
            Some(Entry::Folder { mode }) => (b'5', *mode, &[][..]),
            Some(Entry::File { mode, bytes }) => (b'0', *mode, &bytes[..]),
        };
        let slash = if kind == b'5' { "/" } else { "" };
        tar.extend(header(&format!("{path}{slash}"), kind, mode, bytes.len())?);
        tar.extend_from_slice(bytes);
        tar.resize(tar.len().next_multiple_of(BLOCK), 0);
    }
    // Two empty blocks are the end.
    tar.resize(tar.len() + 2 * BLOCK, 0);
    Ok(tar)
}

const BLOCK: usize = 512;

/// The head of an entry in the format `ustar`, which every reader knows.
fn header(path: &str, kind: u8, mode: u32, size: usize) -> Result<[u8; BLOCK]> {
    let mut head = [0; BLOCK];
    let mut put = |at: usize, most: usize, text: &str| -> Result<()> {
        if text.len() > most {
            bail!("{text} is too long for a tar file");
        }
        head[at..at + text.len()].copy_from_slice(text.as_bytes());
        Ok(())
    };
    put(0, 100, path)?;
    put(100, 8, &format!("{mode:07o}"))?;
    for owner in [108, 116] {
        put(owner, 8, "0000000")?;
    }
    put(124, 12, &format!("{size:011o}"))?;
    put(136, 12, "00000000000")?;
    put(148, 8, "        ")?;
    put(257, 8, "ustar\x0000")?;
    head[156] = kind;
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(head)
}

/// Compresses by gzip, which every Debian has; a compressor in this crate would run unoptimised and take minutes.
pub(crate) fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut gzip = Command::new("gzip");
    // Without name and time, so that equal files stay equal.
    gzip.args(["--no-name", "--stdout", "-6"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = gzip.spawn().context("cannot start gzip")?;
    let mut input = child.stdin.take().context("gzip has no input")?;
    let output = std::thread::scope(|scope| {
        let writing = scope.spawn(move || input.write_all(bytes));
        let output = child.wait_with_output();
        let written = writing.join().unwrap_or_else(|_| Err(std::io::Error::other("the writer panicked")));
        output.and_then(|output| written.map(|()| output))
    })?;
    if !output.status.success() {
        bail!("gzip failed");
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Files {
        let hosts = Entry::File { mode: 0o644, bytes: b"127.0.0.1 localhost\n".to_vec() };
        let entries = [
            ("users", Entry::File { mode: 0o555, bytes: vec![7; 1_000] }),
            ("tmp", Entry::Folder { mode: 0o1777 }),
            ("etc/hosts", hosts),
        ];
        entries.into_iter().map(|(path, entry)| (path.to_owned(), entry)).collect()
    }

    /// What Debian's tar reads out of it.
    fn listed(tar: &[u8]) -> String {
        let path = std::env::temp_dir().join(format!("fleet-layer-{}.tar", std::process::id()));
        std::fs::write(&path, tar).unwrap();
        let mut list = Command::new("tar");
        list.args(["--list", "--verbose", "--utc", "--numeric-owner", "--file"]).arg(&path);
        let output = list.output().unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn another_tar_reads_the_same_with_roots_ownership_and_no_time() {
        let listed = listed(&tar(&files()).unwrap());
        let squeezed: Vec<String> =
            listed.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(
            squeezed,
            [
                "drwxr-xr-x 0/0 0 1970-01-01 00:00 etc/",
                "-rw-r--r-- 0/0 20 1970-01-01 00:00 etc/hosts",
                "drwxrwxrwt 0/0 0 1970-01-01 00:00 tmp/",
                "-r-xr-xr-x 0/0 1000 1970-01-01 00:00 users",
            ]
        );
    }

    #[test]
    fn the_same_files_give_the_same_bytes_and_others_do_not() {
        let [first, second] = [(), ()].map(|()| Layer::of(&files()).unwrap());
        assert_eq!((first.content, &first.blob), (second.content.clone(), &second.blob));
        let mut changed = files();
        changed.insert("users".to_owned(), Entry::File { mode: 0o555, bytes: vec![8; 1_000] });
        assert_ne!(Layer::of(&changed).unwrap().content, second.content);
    }

    #[test]
    fn a_path_that_tar_would_cut_is_refused() {
        let long = "a".repeat(101);
        assert!(tar(&[(long, Entry::Folder { mode: 0o755 })].into()).is_err());
    }

    #[test]
    fn a_digest_is_that_of_everybody_else() {
        assert_eq!(sha256(b""), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
