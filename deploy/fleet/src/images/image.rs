//! An image: its layers, how it is started, and what it says about itself. Written as one file that is an OCI layout and, for
//! `docker load`, an archive of Docker's too: containerd, Docker, podman and skopeo all take it.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::layer::{Entry, Files, Layer, sha256, tar};

const CONFIGURATION: &str = "application/vnd.oci.image.config.v1+json";
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// How the program of an image is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Start {
    pub(crate) user: String,
    pub(crate) environment: Vec<String>,
    pub(crate) entrypoint: Vec<String>,
    pub(crate) arguments: Vec<String>,
    pub(crate) folder: String,
}

/// An image that is ready to be written or pushed.
#[derive(Debug)]
pub(crate) struct Image {
    /// Its full name, such as `docker.io/lyceum/users`.
    pub(crate) repository: String,
    pub(crate) tag: String,
    pub(crate) layers: Vec<Layer>,
    /// When it was made, as the labels say it: the time of the sources, not of the build.
    pub(crate) created: String,
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) start: Start,
}

/// Bytes with the digest that names them.
#[derive(Debug)]
pub(crate) struct Blob {
    pub(crate) digest: String,
    pub(crate) bytes: Vec<u8>,
}

impl Blob {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { digest: sha256(&bytes), bytes }
    }

    fn of_json(value: &Value) -> Self {
        Self::new(value.to_string().into_bytes())
    }

    fn descriptor(&self, media_type: &str) -> Value {
        json!({"mediaType": media_type, "digest": self.digest, "size": self.bytes.len()})
    }

    fn path(&self) -> String {
        format!("blobs/{}", self.digest.replace(':', "/"))
    }
}

/// All blobs of an image; the manifest names the others.
#[derive(Debug)]
pub(crate) struct Blobs {
    pub(crate) manifest: Blob,
    pub(crate) configuration: Blob,
    pub(crate) layers: Vec<Blob>,
}

impl Image {
    /// The name and the tag together.
    pub(crate) fn reference(&self) -> String {
        format!("{}:{}", self.repository, self.tag)
    }

    /// What a node has to fetch, in bytes.
    pub(crate) fn compressed(&self) -> u64 {
        self.layers.iter().map(|layer| layer.blob.len() as u64).sum()
    }

    /// What it takes on a node, in bytes.
    pub(crate) fn unpacked(&self) -> u64 {
        self.layers.iter().map(|layer| layer.unpacked).sum()
    }

    pub(crate) fn blobs(&self) -> Blobs {
        let configuration = Blob::of_json(&self.configuration());
        let layers: Vec<Blob> = self.layers.iter().map(|layer| Blob::new(layer.blob.clone())).collect();
        let annotations: serde_json::Map<String, Value> =
            self.labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": configuration.descriptor(CONFIGURATION),
            "layers": layers.iter().map(|layer| layer.descriptor(LAYER)).collect::<Vec<_>>(),
            "annotations": annotations,
        });
        Blobs { manifest: Blob::of_json(&manifest), configuration, layers }
    }

    fn configuration(&self) -> Value {
        let Start { user, environment, entrypoint, arguments, folder } = &self.start;
        let labels: serde_json::Map<String, Value> =
            self.labels.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        json!({
            "created": self.created,
            "architecture": "amd64",
            "os": "linux",
            "config": {
                "User": user,
                "Env": environment,
                "Entrypoint": entrypoint,
                "Cmd": arguments,
                "WorkingDir": folder,
                "Labels": labels,
            },
            "rootfs": {"type": "layers", "diff_ids": self.layers.iter().map(|layer| &layer.content).collect::<Vec<_>>()},
            "history": self.layers.iter().map(|_| json!({"created": self.created, "created_by": "cargo fleet images"}))
                .collect::<Vec<_>>(),
        })
    }

    /// Writes the archive and tells the digest of the manifest, by which a registry and the chart know the image.
    pub(crate) fn write(&self, path: &Path) -> Result<String> {
        let Blobs { manifest, configuration, layers } = self.blobs();
        let reference = self.reference();
        let mut index = manifest.descriptor(MANIFEST);
        index["platform"] = json!({"architecture": "amd64", "os": "linux"});
        index["annotations"] =
            json!({"io.containerd.image.name": reference, "org.opencontainers.image.ref.name": self.tag});
        let index = json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": [index],
        });
        let docker = json!([{
            "Config": configuration.path(),
            "RepoTags": [reference.trim_start_matches("docker.io/")],
            "Layers": layers.iter().map(Blob::path).collect::<Vec<_>>(),
        }]);
        let digest = manifest.digest.clone();
        let mut files = Files::new();
        let mut add = |path: String, bytes: Vec<u8>| files.insert(path, Entry::File { mode: 0o644, bytes });
        add("oci-layout".to_owned(), json!({"imageLayoutVersion": "1.0.0"}).to_string().into_bytes());
        add("index.json".to_owned(), index.to_string().into_bytes());
        add("manifest.json".to_owned(), docker.to_string().into_bytes());
        for blob in layers.into_iter().chain([configuration, manifest]) {
            add(blob.path(), blob.bytes);
        }
        super::write(path, &tar(&files)?)?;
        Ok(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(program: u8) -> Image {
        let program = Entry::File { mode: 0o555, bytes: vec![program; 10] };
        let layer = Layer::of(&[("users".to_owned(), program)].into()).unwrap();
        Image {
            repository: "docker.io/lyceum/users".to_owned(),
            tag: "1.2.3".to_owned(),
            layers: vec![layer],
            created: "2026-01-02T03:04:05Z".to_owned(),
            labels: vec![("org.opencontainers.image.version", "1.2.3".to_owned())],
            start: Start {
                user: "65532:65532".to_owned(),
                entrypoint: vec!["/users".to_owned()],
                folder: "/".to_owned(),
                ..Start::default()
            },
        }
    }

    #[test]
    fn every_digest_is_that_of_what_it_names() {
        let image = image(1);
        let blobs = image.blobs();
        let manifest: Value = serde_json::from_slice(&blobs.manifest.bytes).unwrap();
        assert_eq!(manifest["config"]["digest"], sha256(&blobs.configuration.bytes));
        assert_eq!(manifest["layers"][0]["digest"], sha256(&image.layers[0].blob));
        assert_eq!(manifest["layers"][0]["size"], image.layers[0].blob.len());
        let configuration: Value = serde_json::from_slice(&blobs.configuration.bytes).unwrap();
        assert_eq!(configuration["rootfs"]["diff_ids"][0], image.layers[0].content.as_str());
        assert_eq!(configuration["config"]["User"], "65532:65532");
        assert_eq!(configuration["config"]["Labels"]["org.opencontainers.image.version"], "1.2.3");
    }

    #[test]
    fn the_digest_depends_on_what_is_in_the_image_and_on_nothing_else() {
        assert_eq!(image(1).blobs().manifest.digest, image(1).blobs().manifest.digest);
        assert_ne!(image(1).blobs().manifest.digest, image(2).blobs().manifest.digest);
        let renamed = Image { tag: "next".to_owned(), ..image(1) };
        assert_eq!(renamed.blobs().manifest.digest, image(1).blobs().manifest.digest);
    }
}
