//! Prints the names by which services know the values of the contract's enums.

use std::fmt::{self, Write};

use crate::{Api, doors::service_name, rust::enum_type};

/// Rust that implements `Wire` for every enum of the contract.
pub fn wire(api: &Api) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    print(api, &mut out).unwrap_or_default();
    out
}

fn print(api: &Api, out: &mut String) -> fmt::Result {
    for found in api.enums() {
        let names: Vec<(String, i32)> = found
            .values()
            .filter(|value| value.number() != 0)
            .map(|value| (service_name(&found, value.name()), value.number()))
            .collect();
        writeln!(out, "\nimpl Wire for {} {{", enum_type("::proto", &found))?;
        writeln!(out, "    const NAMES: &'static [(&'static str, i32)] = &{names:?};\n}}")?;
    }
    Ok(())
}
