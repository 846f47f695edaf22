//! Debian's buildah makes images from Dockerfiles and writes them as archives. It has a store of its own, so that nothing of this
//! machine's images is touched, and works by plain copies, so that it needs no kernel module and no daemon.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::home::Home;
use crate::package::Package;
use crate::process::succeed;

/// What makes images.
pub(crate) const PACKAGE: Package = Package("buildah", "buildah", "buildah");

#[derive(Debug)]
pub(crate) struct Buildah {
    store: PathBuf,
}

impl Buildah {
    /// With an empty store: what an earlier run left could be old.
    pub(crate) fn begin(home: &Home) -> Result<Self> {
        let store = home.path("images/store");
        if store.exists() {
            fs::remove_dir_all(&store)?;
        }
        Ok(Self { store })
    }

    /// Makes an image whose files are in `context`, which stands in the place of the Dockerfile's stage `image`. Equal files give
    /// equal images: nothing tells when or where it was made but `created`.
    pub(crate) async fn build(&self, dockerfile: &Path, context: &Path, image: &Image<'_>) -> Result<()> {
        let mut command = self.command("build");
        command.args(["--layers", "--pull-never", "--isolation=chroot", "--identity-label=false"]);
        command.args(["--timestamp", image.created, "--tag", &image.reference, "--file"]).arg(dockerfile);
        command.arg(format!("--build-context=image={}", context.display()));
        command.args(image.arguments.iter().map(|(name, value)| format!("--build-arg={name}={value}")));
        succeed(command.arg(context)).await.map(drop)
    }

    /// Writes an image as a file that is an OCI layout and, for `docker load`, an archive of Docker's too.
    pub(crate) async fn write(&self, reference: &str, archive: &Path) -> Result<Written> {
        let (layout, draft) = (self.store.join("layout"), archive.with_extension("new"));
        if layout.exists() {
            fs::remove_dir_all(&layout)?;
        }
        let told = self.store.with_extension("digest");
        let mut command = self.command("push");
        command.arg("--digestfile").arg(&told).arg(reference);
        succeed(command.arg(format!("oci:{}:{reference}", layout.display()))).await?;
        let digest = fs::read_to_string(&told).context("buildah told no digest")?;
        let blob = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().context("a manifest names its blobs")?;
            anyhow::Ok(format!("blobs/{}", digest.replace(':', "/")))
        };
        let manifest = fs::read(layout.join(blob(&json!({"digest": digest}))?))?;
        let manifest: Value = serde_json::from_slice(&manifest)?;
        let layers = manifest["layers"].as_array().context("an image has layers")?;
        let layers: Vec<String> = layers.iter().map(blob).collect::<Result<_>>()?;
        let docker = json!([{
            "Config": blob(&manifest["config"])?, "Layers": layers, "RepoTags": [reference.trim_start_matches("docker.io/")],
        }]);
        fs::write(layout.join("manifest.json"), docker.to_string())?;
        let mut written = Written { digest, compressed: 0, unpacked: 0 };
        for layer in &layers {
            let bytes = fs::read(layout.join(layer))?;
            written.compressed += bytes.len() as u64;
            // A gzip stream ends with the length of what it holds.
            let length = bytes.last_chunk().context("a layer is empty")?;
            written.unpacked += u64::from(u32::from_le_bytes(*length));
        }
        let mut tar = Command::new("tar");
        tar.args(["--create", "--sort=name", "--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--mode=go-w"]);
        let entries = ["blobs", "index.json", "manifest.json", "oci-layout"];
        succeed(tar.arg("--file").arg(&draft).arg("--directory").arg(&layout).args(entries)).await?;
        fs::rename(&draft, archive)?;
        Ok(written)
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new("buildah");
        command.args(["--storage-driver=vfs", "--root"]).arg(self.store.join("root"));
        command.arg("--runroot").arg(self.store.join("run")).args([verb, "--quiet"]);
        command
    }
}

impl Drop for Buildah {
    fn drop(&mut self) {
        // The archives are what is kept; what cannot be removed is removed by the next run.
        drop(fs::remove_dir_all(&self.store));
    }
}

/// What an image is called, and what its Dockerfile is told.
#[derive(Debug)]
pub(crate) struct Image<'a> {
    pub(crate) reference: String,
    /// In seconds since the epoch: the time of the sources, not of the build.
    pub(crate) created: &'a str,
    pub(crate) arguments: Vec<(&'static str, String)>,
}

/// An image on the disk.
#[derive(Debug)]
pub(crate) struct Written {
    /// Of the manifest, by which a registry and the chart know the image.
    pub(crate) digest: String,
    /// What a node has to fetch, in bytes.
    pub(crate) compressed: u64,
    /// What it takes on a node, in bytes.
    pub(crate) unpacked: u64,
}
