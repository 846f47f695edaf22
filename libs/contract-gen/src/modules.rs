//! Prints the tree of Rust modules that the generated files hang in.

use crate::rust::ident;

/// Rust for `pub mod lyceum { pub mod users { pub mod v1 { … } } }`, which includes `{package}.rs` and
/// `{package}.json.rs` from the build script's `folder` under `OUT_DIR`.
///
/// `packages` are sorted, as [`Api::packages`](crate::Api::packages) gives them.
pub fn modules(packages: &[String], folder: &str) -> String {
    let mut out = String::from("// Generated from the contract; do not edit.\n");
    let mut open: Vec<&str> = Vec::new();
    for package in packages {
        let parts: Vec<&str> = package.split('.').collect();
        let shared = open.iter().zip(&parts).take_while(|(one, other)| one == other).count();
        close(&mut out, &mut open, shared);
        for part in &parts[shared..] {
            out.push_str(&format!("pub mod {} {{\n", ident(part)));
            open.push(part);
        }
        out.push_str(&format!("include!(concat!(env!(\"OUT_DIR\"), \"{folder}/{package}.rs\"));\n"));
        out.push_str(&format!(
            "mod json {{\ninclude!(concat!(env!(\"OUT_DIR\"), \"{folder}/{package}.json.rs\"));\n}}\n"
        ));
    }
    close(&mut out, &mut open, 0);
    out
}

fn close(out: &mut String, open: &mut Vec<&str>, until: usize) {
    while open.len() > until {
        open.pop();
        out.push_str("}\n");
    }
}
