//! Prints the method table: gRPC path to access, idempotency, cache and REST address.

use std::fmt::{self, Write};

use crate::{Access, Api};

/// Rust for `pub static METHODS: &[Method]`, sorted by path so that it can be searched by halves.
///
/// The text expects `Access`, `Idempotency`, `Cache` and `Method` in scope.
pub fn methods(api: &Api) -> String {
    let mut out = String::new();
    // Writing into a string cannot fail.
    print(api, &mut out).unwrap_or_default();
    out
}

fn print(api: &Api, out: &mut String) -> fmt::Result {
    writeln!(out, "/// Every rpc of the contract, sorted by path.\npub static METHODS: &[Method] = &[")?;
    for rpc in &api.rpcs {
        let access = match &rpc.access {
            Access::Permission(permission) => format!("Permission({permission:?})"),
            other => format!("{other:?}"),
        };
        let cache = rpc.cache.map(|cache| format!("Some({cache:?})")).unwrap_or_else(|| "None".to_owned());
        let http = rpc.bindings.first();
        let http = http.map(|first| (first.verb.upper(), first.template(|field| field.name().to_owned())));
        writeln!(out, "    Method {{")?;
        writeln!(out, "        path: {:?},", rpc.path())?;
        writeln!(out, "        access: Access::{access},")?;
        writeln!(out, "        idempotency: Idempotency::{:?},", rpc.idempotency)?;
        writeln!(out, "        cache: {cache},")?;
        writeln!(out, "        refusals: &{:?},", rpc.refusals)?;
        writeln!(out, "        body_limit: {},", rpc.body_limit)?;
        writeln!(out, "        time_limit: {},", rpc.time_limit)?;
        writeln!(out, "        http: {http:?},")?;
        writeln!(out, "    }},")?;
    }
    writeln!(out, "];")
}
