//! Inventories in CycloneDX: cargo-cyclonedx tells which crates are in a program, and here is added what Debian brings.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tokio::process::Command;

use super::program::{Sources, TARGET, path_of_tools};
use crate::cargo;
use crate::process::succeed;

/// A Debian package of which something is inside.
#[derive(Debug)]
pub(crate) struct DebianPart {
    name: &'static str,
    version: String,
    license: &'static str,
}

/// The inventory of every package of the workspace, by its name.
pub(crate) async fn of_programs(sources: &Sources) -> Result<BTreeMap<String, Value>> {
    let mut command = cargo::outside(&sources.folder);
    command.env("PATH", path_of_tools(sources).await?).env("SOURCE_DATE_EPOCH", &sources.created);
    command.args(["cyclonedx", "--format=json", "--spec-version=1.5", "--no-build-deps", "--target", TARGET]);
    succeed(command.args(["--manifest-path", "Cargo.toml"])).await?;
    // They stand beside the packages' manifests, and name crates of ours by the folder that the sources lie in.
    let here = format!("file://{}/", sources.folder.display());
    let mut inventories = BTreeMap::new();
    for parent in ["deploy", "libs", "services", "tests"] {
        for entry in fs::read_dir(sources.folder.join(parent))? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = entry.path().join(format!("{name}.cdx.json"));
            if path.is_file() {
                let text = fs::read_to_string(&path)?.replace(&here, "file:///");
                inventories.insert(name, serde_json::from_str(&text)?);
                fs::remove_file(path)?;
            }
        }
    }
    Ok(inventories)
}

/// What of Debian's is inside a static program and around it.
pub(crate) async fn of_static_programs() -> Vec<DebianPart> {
    let mut parts = Vec::new();
    let inside = [("libc6-dev", "LGPL-2.1-or-later"), ("ca-certificates", "MPL-2.0 AND GPL-2.0-or-later")];
    for (name, license) in inside {
        let mut query = Command::new("dpkg-query");
        // Another distribution has no such package, nor this program.
        if let Ok(version) = succeed(query.args(["--show", "--showformat", "${Version}", name])).await {
            parts.push(DebianPart { name, version, license });
        }
    }
    parts
}

/// Makes a program's inventory that of its image, and tells how many crates it lists.
pub(crate) fn complete(document: &mut Value, image: &str, debian: &[DebianPart]) -> Result<usize> {
    let mut program = document["metadata"]["component"].take();
    // Its targets, which are one program here.
    program.as_object_mut().context("an inventory is of something")?.remove("components");
    let inside: Vec<Value> =
        [program["bom-ref"].clone()].into_iter().chain(debian.iter().map(|part| json!(part.purl()))).collect();
    document["metadata"]["component"] =
        json!({"type": "container", "bom-ref": image, "name": image, "version": program["version"]});
    let components = document["components"].as_array_mut().context("an inventory lists components")?;
    components.push(program);
    let crates = components.len();
    components.extend(debian.iter().map(DebianPart::component));
    let dependencies = document["dependencies"].as_array_mut().context("an inventory lists dependencies")?;
    dependencies.insert(0, json!({"ref": image, "dependsOn": inside}));
    Ok(crates)
}

impl DebianPart {
    fn purl(&self) -> String {
        format!("pkg:deb/debian/{}@{}", self.name, self.version.replace('+', "%2B"))
    }

    fn component(&self) -> Value {
        json!({
            "type": "library", "bom-ref": self.purl(), "name": self.name, "version": self.version, "purl": self.purl(),
            "licenses": [{"expression": self.license}],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_images_inventory_lists_the_program_its_crates_and_what_debian_adds() {
        let mut document = json!({
            "metadata": {"component": {"bom-ref": "users", "version": "0.1.0", "components": [{}]}},
            "components": [{"bom-ref": "tokio"}],
            "dependencies": [{"ref": "users", "dependsOn": ["tokio"]}],
        });
        let debian =
            [DebianPart { name: "libc6-dev", version: "2.36-9+deb12u14".to_owned(), license: "LGPL-2.1-or-later" }];
        assert_eq!(complete(&mut document, "docker.io/lyceum/users", &debian).unwrap(), 2);
        let refs: Vec<&Value> = document["components"].as_array().unwrap().iter().map(|one| &one["bom-ref"]).collect();
        assert_eq!(refs, ["tokio", "users", "pkg:deb/debian/libc6-dev@2.36-9%2Bdeb12u14"]);
        assert_eq!(document["dependencies"][0]["dependsOn"], json!([refs[1], refs[2]]));
        assert_eq!(document["metadata"]["component"]["version"], "0.1.0");
    }
}
