//! House rules: a contract that breaks them can be served, but would not be read with pleasure.

use heck::{ToShoutySnakeCase, ToUpperCamelCase};
use prost_reflect::FileDescriptor;

use crate::{Api, api::is_ours};

/// Everything without a comment, enum values without their enum's name, and requests that are not named after their rpc.
pub fn house_rules(api: &Api) -> Vec<String> {
    let mut broken = Vec::new();
    let mut documented = |file: FileDescriptor, path: &[i32], name: &str| {
        if api.comment(&file, path).is_empty() {
            broken.push(format!("{name}: write a comment before it"));
        }
    };
    for service in api.pool.services().filter(|service| is_ours(service.package_name())) {
        documented(service.parent_file(), service.path(), service.full_name());
        service.methods().for_each(|method| documented(service.parent_file(), method.path(), method.full_name()));
    }
    for message in api.messages() {
        documented(message.parent_file(), message.path(), message.full_name());
        message.fields().for_each(|field| documented(message.parent_file(), field.path(), field.full_name()));
    }
    for found in api.enums() {
        documented(found.parent_file(), found.path(), found.full_name());
        found.values().for_each(|value| documented(found.parent_file(), value.path(), value.full_name()));
    }

    for found in api.enums() {
        let prefix = format!("{}_", found.name().to_shouty_snake_case());
        let strays = found.values().filter(|value| !value.name().starts_with(&prefix));
        broken.extend(strays.map(|value| format!("{}: begin its name with {prefix}", value.full_name())));
    }
    for rpc in &api.rpcs {
        let wanted = format!("{}Request", rpc.method.name().to_upper_camel_case());
        if rpc.method.input().name() != wanted {
            broken.push(format!("{}: name its request {wanted}", rpc.method.full_name()));
        }
    }
    broken
}
