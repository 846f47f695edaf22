//! The list of crates inside a program, where scanners look for it: in the section `.dep-v0`, in the format of cargo-auditable.
//!
//! The Dockerfile leaves that to `cargo auditable`. Here it is added after the link, because that tool wraps the compiler, which
//! would compile all of our crates a second time.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use super::bill::Bill;
use super::layer::compress;

/// Adds the list to a program.
pub(crate) fn embed(program: &Path, bill: &Bill, folder: &Path) -> Result<Vec<u8>> {
    let (list, output) = (folder.join("dep-v0"), folder.join("audited"));
    std::fs::write(&list, zlib(list_of(bill).to_string().as_bytes())?)?;
    let section = format!(".dep-v0={}", list.display());
    let mut objcopy = Command::new("objcopy");
    objcopy.args(["--add-section", &section, "--set-section-flags", ".dep-v0=noload,readonly"]);
    let status = objcopy.arg(program).arg(&output).status().context("cannot start objcopy (Debian: binutils)")?;
    if !status.success() {
        bail!("objcopy could not add the list of crates to {}", program.display());
    }
    let bytes = std::fs::read(&output)?;
    std::fs::remove_file(&output)?;
    std::fs::remove_file(&list)?;
    Ok(bytes)
}

fn list_of(bill: &Bill) -> Value {
    let packages: Vec<Value> = bill
        .crates
        .iter()
        .map(|part| {
            let mut package = json!({
                "name": part.name,
                "version": part.version,
                "source": if part.checksum.is_some() { "crates.io" } else { "local" },
            });
            let dependencies: Vec<usize> = part
                .dependencies
                .iter()
                .filter_map(|id| bill.crates.iter().position(|other| other.id == *id))
                .collect();
            if !dependencies.is_empty() {
                package["dependencies"] = json!(dependencies);
            }
            if part.name == bill.root {
                package["root"] = json!(true);
            }
            package
        })
        .collect();
    json!({"packages": packages})
}

/// A zlib stream: what gzip packed, between other marks.
fn zlib(bytes: &[u8]) -> Result<Vec<u8>> {
    const GZIP_HEAD: usize = 10;
    const GZIP_TAIL: usize = 8;
    let packed = compress(bytes)?;
    let deflated = packed.get(GZIP_HEAD..packed.len() - GZIP_TAIL).context("gzip wrote too little")?;
    Ok([&[0x78, 0x9c][..], deflated, &adler32(bytes).to_be_bytes()].concat())
}

fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (low, high) = bytes.iter().fold((1, 0), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % MODULUS;
        (low, (high + low) % MODULUS)
    });
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_adlers() {
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
    }
}
