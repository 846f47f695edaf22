//! What a program is made of: the crates that are linked into it, and what Debian adds, as a CycloneDX document.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

use super::layer::sha256;
use super::program::TARGET;
use crate::cargo;

/// A crate inside a program.
#[derive(Debug)]
pub(crate) struct Part {
    /// Cargo's own name of it, which tells two versions apart.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    /// SHA-256 of what the registry gave; none for a crate of ours.
    pub(crate) checksum: Option<String>,
    /// The ids of the parts that it uses itself.
    pub(crate) dependencies: Vec<String>,
}

/// A Debian package of which something is inside.
#[derive(Clone, Debug)]
pub(crate) struct DebianPart {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<&'static str>,
}

/// Everything inside an image.
#[derive(Debug)]
pub(crate) struct Bill {
    /// The package of the program.
    pub(crate) root: String,
    pub(crate) version: String,
    pub(crate) crates: Vec<Part>,
    pub(crate) debian: Vec<DebianPart>,
}

/// All crates of the workspace, of which each program uses some.
#[derive(Debug, Deserialize)]
pub(crate) struct Workspace {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
}

impl Workspace {
    pub(crate) async fn read(folder: &Path) -> Result<Self> {
        let mut command = cargo::outside(folder);
        command.args(["metadata", "--format-version=1", "--locked", "--filter-platform", TARGET]);
        serde_json::from_str(&output(command).await?).context("cargo describes the workspace in an unknown way")
    }

    /// The version of one of our packages.
    pub(crate) fn version(&self, package: &str) -> Result<&str> {
        let mut packages = self.packages.iter();
        let found = packages.find(|known| known.name == package && known.id.starts_with("path+"));
        Ok(&found.with_context(|| format!("there is no package {package}"))?.version)
    }

    /// What a program of ours is made of.
    pub(crate) async fn bill(&self, folder: &Path, package: &str) -> Result<Bill> {
        let mut command = cargo::outside(folder);
        // Cargo itself says which optional crates are switched on for this program; what only runs while it is compiled is not inside.
        command.args(["tree", "--package", package, "--edges", "normal,no-proc-macro", "--target", TARGET]);
        command.args(["--prefix", "none", "--format", "{p}", "--locked"]);
        let tree = output(command).await?;
        let inside: BTreeSet<(&str, &str)> = tree.lines().filter_map(name_and_version).collect();
        let checksums = checksums(&std::fs::read_to_string(folder.join("Cargo.lock"))?);
        let ids: BTreeSet<&str> = self
            .packages
            .iter()
            .filter(|known| inside.contains(&(&known.name, &known.version)))
            .map(|known| known.id.as_str())
            .collect();
        if ids.len() != inside.len() {
            bail!("cargo's tree of {package} names {} crates, and its description {}", inside.len(), ids.len());
        }
        let mut crates: Vec<Part> = self
            .packages
            .iter()
            .filter(|known| ids.contains(known.id.as_str()))
            .map(|known| {
                let node = self.resolve.nodes.iter().find(|node| node.id == known.id);
                let used = node.into_iter().flat_map(|node| &node.deps).map(|dependency| dependency.pkg.as_str());
                let key = (known.name.clone(), known.version.clone());
                Part {
                    id: known.id.clone(),
                    name: known.name.clone(),
                    version: known.version.clone(),
                    license: known.license.as_ref().map(|license| license.replace('/', " OR ")),
                    checksum: checksums.get(&key).cloned(),
                    dependencies: used.filter(|id| ids.contains(id)).map(str::to_owned).collect(),
                }
            })
            .collect();
        crates.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
        Ok(Bill { root: package.to_owned(), version: self.version(package)?.to_owned(), crates, debian: Vec::new() })
    }
}

/// `serde v1.0.228 (*)` without what stands behind.
fn name_and_version(line: &str) -> Option<(&str, &str)> {
    let mut words = line.split(' ');
    Some((words.next()?, words.next()?.strip_prefix('v')?))
}

/// The checksums of a Cargo.lock by name and version.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |section: &str, key: &str| {
        let line = section.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \""))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let sections = lock.split("[[package]]").skip(1);
    let packages = sections.filter_map(|section| {
        Some(((value(section, "name")?, value(section, "version")?), value(section, "checksum")?))
    });
    packages.collect()
}

async fn output(mut command: Command) -> Result<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true).output().await?;
    if !output.status.success() {
        bail!("cargo could not describe the workspace: what it says stands above");
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// An installed package of Debian's, if this is a Debian machine.
pub(crate) async fn debian(name: &str, license: &'static str) -> Option<DebianPart> {
    let mut query = Command::new("dpkg-query");
    query.args(["--show", "--showformat", "${Version}", name]).stdin(Stdio::null()).stderr(Stdio::null());
    let output = query.output().await.ok().filter(|output| output.status.success())?;
    let version = String::from_utf8(output.stdout).ok()?;
    Some(DebianPart { name: name.to_owned(), version, license: Some(license) })
}

impl Bill {
    /// The document. Its number follows from what it says, so that the same program has the same document.
    pub(crate) fn cyclone_dx(&self, image: &str, created: &str) -> Value {
        let mut components: Vec<Value> = self.crates.iter().map(Part::component).collect();
        components.extend(self.debian.iter().map(DebianPart::component));
        let mut dependencies: Vec<Value> = self
            .crates
            .iter()
            .map(|part| {
                let uses = part.dependencies.iter().filter_map(|id| self.crates.iter().find(|other| other.id == *id));
                json!({"ref": part.purl(), "dependsOn": uses.map(Part::purl).collect::<Vec<_>>()})
            })
            .collect();
        let inside: Vec<String> = self
            .crates
            .iter()
            .filter(|part| part.name == self.root)
            .map(Part::purl)
            .chain(self.debian.iter().map(DebianPart::purl))
            .collect();
        dependencies.insert(0, json!({"ref": image, "dependsOn": inside}));
        let number = uuid(&sha256(json!([image, self.version, components]).to_string().as_bytes()));
        json!({
            "bomFormat": "CycloneDX",
            "specVersion": "1.5",
            "serialNumber": format!("urn:uuid:{number}"),
            "version": 1,
            "metadata": {
                "timestamp": created,
                "tools": {"components": [{"type": "application", "name": "cargo fleet images"}]},
                "component": {"type": "container", "bom-ref": image, "name": image, "version": self.version},
            },
            "components": components,
            "dependencies": dependencies,
        })
    }
}

impl Part {
    fn purl(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version.replace('+', "%2B"))
    }

    fn component(&self) -> Value {
        let mut component = json!({
            "type": "library", "bom-ref": self.purl(), "name": self.name, "version": self.version, "purl": self.purl(),
        });
        if let Some(license) = &self.license {
            component["licenses"] = json!([{"expression": license}]);
        }
        if let Some(checksum) = &self.checksum {
            component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
        }
        component
    }
}

impl DebianPart {
    fn purl(&self) -> String {
        format!("pkg:deb/debian/{}@{}", self.name, self.version.replace('+', "%2B"))
    }

    fn component(&self) -> Value {
        let mut component = json!({
            "type": "library", "bom-ref": self.purl(), "name": self.name, "version": self.version, "purl": self.purl(),
        });
        if let Some(license) = self.license {
            component["licenses"] = json!([{"expression": license}]);
        }
        component
    }
}

/// A digest in the shape of a UUID, version 8: of the maker's own making.
fn uuid(digest: &str) -> String {
    let hex = digest.trim_start_matches("sha256:");
    format!("{}-{}-8{}-8{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bill() -> Bill {
        let part = |name: &str, checksum: Option<&str>, uses: &[&str]| Part {
            id: name.to_owned(),
            name: name.to_owned(),
            version: "1.0.0+meta".to_owned(),
            license: Some("MIT OR Apache-2.0".to_owned()),
            checksum: checksum.map(str::to_owned),
            dependencies: uses.iter().map(|id| (*id).to_owned()).collect(),
        };
        let glibc = DebianPart { name: "libc6-dev".to_owned(), version: "2.36-9+deb12u14".to_owned(), license: None };
        Bill {
            root: "users".to_owned(),
            version: "0.1.0".to_owned(),
            crates: vec![part("tokio", Some("00ff"), &[]), part("users", None, &["tokio"])],
            debian: vec![glibc],
        }
    }

    #[test]
    fn the_document_names_what_is_inside_and_what_uses_what() {
        let document = bill().cyclone_dx("docker.io/lyceum/users", "2026-01-02T03:04:05Z");
        let refs: Vec<&str> =
            document["components"].as_array().unwrap().iter().filter_map(|one| one["bom-ref"].as_str()).collect();
        assert_eq!(
            refs,
            [
                "pkg:cargo/tokio@1.0.0%2Bmeta",
                "pkg:cargo/users@1.0.0%2Bmeta",
                "pkg:deb/debian/libc6-dev@2.36-9%2Bdeb12u14"
            ]
        );
        assert_eq!(document["components"][0]["hashes"][0]["content"], "00ff");
        assert_eq!(document["dependencies"][0]["dependsOn"], json!([refs[1], refs[2]]));
        assert_eq!(document["dependencies"][2], json!({"ref": refs[1], "dependsOn": [refs[0]]}));
        assert_eq!(document, bill().cyclone_dx("docker.io/lyceum/users", "2026-01-02T03:04:05Z"));
    }

    #[test]
    fn cargos_lines_and_its_lock_file_are_understood() {
        assert_eq!(name_and_version("serde v1.0.228 (*)"), Some(("serde", "1.0.228")));
        assert_eq!(name_and_version("auth v0.1.0 (/src/libs/auth)"), Some(("auth", "0.1.0")));
        assert_eq!(name_and_version(""), None);
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nchecksum = \"ab\"\n\n\
                    [[package]]\nname = \"ours\"\nversion = \"0.1.0\"\ndependencies = [\n \"a\",\n]\n";
        assert_eq!(checksums(lock), [(("a".to_owned(), "1.0.0".to_owned()), "ab".to_owned())].into());
    }

    #[test]
    fn a_digest_becomes_a_number_of_the_right_shape() {
        assert_eq!(uuid(&sha256(b"")), "e3b0c442-98fc-8c14-8afb-f4c8996fb924");
    }
}
