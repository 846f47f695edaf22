//! Prints the routes and the OpenAPI document from the contract that `proto` has compiled.

use std::{env, error::Error, fs, io::Write, path::PathBuf};

use contract_gen::Api;
use flate2::{Compression, write::GzEncoder};

fn main() -> Result<(), Box<dyn Error>> {
    let descriptor = env::var("DEP_LYCEUM_PROTO_DESCRIPTOR")?;
    println!("cargo::rerun-if-changed={descriptor}");
    println!("cargo::rerun-if-changed=doors.json");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let api = Api::load(&fs::read(descriptor)?)?;
    fs::write(out.join("routes.rs"), contract_gen::routes(&api))?;
    let document = contract_gen::openapi(&api, &fs::read_to_string("doors.json")?)?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(document.as_bytes())?;
    fs::write(out.join("openapi.json.gz"), packed.finish()?)?;
    fs::write(out.join("openapi.json"), document)?;
    Ok(())
}
