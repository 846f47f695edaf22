//! Compiles `proto/` once for the whole workspace: messages, clients and servers, JSON, the method table.

use std::{
    env, error, fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use contract_gen::Api;
use prost::Message;
use prost_types::FileDescriptorSet;

/// Files whose messages are read from the descriptors and never handled in Rust.
const WITHOUT_CODE: [&str; 4] = ["buf.validate", "google.api", "lyceum.api.v1", "google.protobuf"];

fn main() -> ExitCode {
    match generate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for line in error.to_string().lines() {
                println!("cargo::error={line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn generate() -> Result<(), Box<dyn error::Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("../../proto").canonicalize()?;
    println!("cargo::rerun-if-changed={}", root.display());
    let api = write_contract(&root, &out, "")?;
    write(&out.join("methods.rs"), contract_gen::methods(&api))?;
    println!("cargo::metadata=descriptor={}", out.join("descriptor.bin").display());

    // A small contract with every kind of field, against which the JSON codec is tested.
    println!("cargo::rerun-if-changed=tests/fixture");
    fs::create_dir_all(out.join("fixture"))?;
    write_contract(Path::new("tests/fixture"), &out.join("fixture"), "/fixture")?;
    Ok(())
}

/// Writes `descriptor.bin`, `reflection.bin`, `mod.rs` and two files per package, each only when it changed.
fn write_contract(root: &Path, out: &Path, folder: &str) -> Result<Api, Box<dyn error::Error>> {
    let descriptors = contract_gen::compile(root)?;
    let api = Api::load(&descriptors)?;
    write(&out.join("descriptor.bin"), &descriptors)?;
    write(&out.join("reflection.bin"), contract_gen::without_comments(&descriptors)?)?;

    let mut files = FileDescriptorSet::decode(&*descriptors)?;
    // prost wants to see the well-known types that messages refer to, even those it finds elsewhere.
    files.file.retain(|file| {
        !WITHOUT_CODE.contains(&file.package())
            || (file.package() == "google.protobuf" && file.name() != "google/protobuf/descriptor.proto")
    });
    let mut prost = prost_build::Config::new();
    // Sorted maps make equal messages equal on the wire, which the hash of an idempotent request needs.
    prost.enable_type_names().btree_map(["."]);
    let mut tonic = tonic_prost_build::configure().out_dir(out).emit_rerun_if_changed(false);
    for name in ["Timestamp", "Duration", "FieldMask"] {
        tonic = tonic.extern_path(format!(".google.protobuf.{name}"), format!("::proto::wkt::{name}"));
    }
    tonic.compile_fds_with_config(files, prost)?;

    let packages = api.packages();
    for package in &packages {
        write(&out.join(format!("{package}.json.rs")), contract_gen::json(&api, package))?;
    }
    write(&out.join("mod.rs"), contract_gen::modules(&packages, folder))?;
    Ok(api)
}

/// Leaves a file alone that would not change, so that what includes it is not compiled again.
fn write(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    if fs::read(path).is_ok_and(|before| before == content.as_ref()) {
        return Ok(());
    }
    fs::write(path, content)
}
