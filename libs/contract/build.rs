//! Prints the typed operations of every package that has services, from the contract that `proto` has compiled.

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
};

use contract_gen::Api;

fn main() -> Result<(), Box<dyn Error>> {
    let descriptor = env::var("DEP_LYCEUM_PROTO_DESCRIPTOR")?;
    println!("cargo::rerun-if-changed={descriptor}");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let api = Api::load(&fs::read(descriptor)?)?;
    for (package, module) in contract_gen::served_packages(&api) {
        write(&out.join(format!("{module}.rs")), &readable(&contract_gen::doors(&api, &package))?)?;
    }
    write(&out.join("readers.rs"), &readable(&contract_gen::readers(&api))?)?;
    write(&out.join("wire.rs"), &readable(&contract_gen::wire(&api))?)?;
    Ok(())
}

/// Lays the code out for those who read it in a debugger or beside an error of the compiler.
fn readable(code: &str) -> Result<String, Box<dyn Error>> {
    Ok(format!("// Generated from the contract; do not edit.\n\n{}", prettyplease::unparse(&syn::parse_file(code)?)))
}

/// Leaves a file alone that would not change, so that what includes it is not compiled again.
fn write(path: &Path, content: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|before| before == content) {
        return Ok(());
    }
    fs::write(path, content)
}
