//! Accepts the contract as it stands: says what that breaks, then renews `proto/published.binpb` and the gateway's
//! `openapi.json`. Run as `cargo run -p contract-gen --example accept` or `cargo fleet contract accept`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use contract_gen::{Api, Refused, breaking, compile, openapi, without_comments};

fn main() -> Result<(), Refused> {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).components().collect();
    let root = root.ancestors().nth(2).unwrap_or(&root);
    let descriptors = compile(&root.join("proto"))?;
    let api = Api::load(&descriptors)?;

    let published = root.join("proto/published.binpb");
    if let Ok(before) = fs::read(&published) {
        for change in breaking(&Api::load(&before)?, &api) {
            println!("breaking: {change}");
        }
    }
    renew(published, &without_comments(&descriptors)?)?;

    let gateway = root.join("services/gateway");
    let doors = read(gateway.join("doors.json"))?;
    renew(gateway.join("openapi.json"), openapi(&api, &doors)?.as_bytes())
}

fn read(path: PathBuf) -> Result<String, Refused> {
    fs::read_to_string(&path).map_err(|error| Refused::because(format!("{}: {error}", path.display())))
}

fn renew(path: PathBuf, content: &[u8]) -> Result<(), Refused> {
    let shown = path.display();
    if fs::read(&path).is_ok_and(|before| before == content) {
        println!("unchanged: {shown}");
        return Ok(());
    }
    fs::write(&path, content).map_err(|error| Refused::because(format!("{shown}: {error}")))?;
    println!("renewed: {shown}");
    Ok(())
}
