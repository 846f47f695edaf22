//! Prints who reads each request, for a test that sends all of them: with `Anything` for every type of the services.

use std::{collections::BTreeSet, fmt::Write};

use prost_reflect::EnumDescriptor;

use super::{field::service_name, message::Messages, served_packages};
use crate::Api;

/// Rust for `impl Types for Anything` of each package, `ALL` with every name of an enum as an `Anything`, and `readers`.
///
/// The text leans on the test `oracle` of the library `contract`.
pub fn readers(api: &Api) -> String {
    let (mut types, mut readers) = (String::new(), String::new());
    for (package, module) in served_packages(api) {
        let rpcs: Vec<_> =
            api.rpcs.iter().filter(|rpc| rpc.method.parent_service().package_name() == package).collect();
        let messages = Messages::of(&rpcs);
        let own: String = messages.types().keys().map(|name| format!("type {name} = Anything;")).collect();
        // Writing into a string cannot fail.
        let _ = writeln!(types, "impl contract::{module}::Types for Anything {{ type Error = tonic::Status; {own} }}");
        for rpc in rpcs {
            let Some(name) = messages.request_name(rpc) else { continue };
            let types = if messages.is_generic(rpc) { "::<Anything>" } else { "" };
            let request = rpc.method.input();
            let patch = messages.is_patch(rpc);
            let _ = writeln!(
                readers,
                "Reader {{ request: {:?}, patch: {patch}, read: |sent| judged(sent, contract::{module}::{name}{types}::read) }},",
                request.full_name()
            );
        }
    }
    let names: String = names(api).iter().map(|name| format!("Anything({name:?}),")).collect();
    format!("{types}\nconst ALL: &[Anything] = &[{names}];\n\nfn readers() -> Vec<Reader> {{ vec![{readers}] }}\n")
}

/// The names that the services give the values of their enums.
fn names(api: &Api) -> BTreeSet<String> {
    let named = |found: EnumDescriptor| {
        let values: Vec<_> = found.values().filter(|value| value.number() != 0).collect();
        values.into_iter().map(move |value| service_name(&found, value.name())).collect::<Vec<_>>()
    };
    api.enums().flat_map(named).collect()
}
