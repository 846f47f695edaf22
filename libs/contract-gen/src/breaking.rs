//! What a published contract must not do: compares two contracts by full names and numbers.

use prost_reflect::{EnumDescriptor, FieldDescriptor, MessageDescriptor};

use crate::{Access, Api, Idempotency, Rpc, check::is_input, field::oneof, rules::rules};

/// Every change from `old` to `new` that breaks somebody who was written against `old`; additions break nobody.
pub fn breaking(old: &Api, new: &Api) -> Vec<String> {
    let mut found = Vec::new();
    for before in old.messages() {
        match new.pool.get_message_by_name(before.full_name()) {
            None => found.push(format!("{}: message removed", before.full_name())),
            Some(now) => message(&before, &now, &mut found),
        }
    }
    for before in old.enums() {
        match new.pool.get_enum_by_name(before.full_name()) {
            None => found.push(format!("{}: enum removed", before.full_name())),
            Some(now) => values(&before, &now, &mut found),
        }
    }
    for before in &old.rpcs {
        let path = before.path();
        match new.rpcs.iter().find(|now| now.path() == path) {
            None => found.push(format!("{path}: rpc removed or renamed")),
            Some(now) => found.extend(rpc(before, now).into_iter().map(|change| format!("{path}: {change}"))),
        }
    }
    found
}

fn message(before: &MessageDescriptor, now: &MessageDescriptor, found: &mut Vec<String>) {
    for old in before.fields() {
        let name = old.full_name();
        match now.get_field(old.number()) {
            Some(new) => found.extend(field(&old, &new).into_iter().map(|change| format!("{name}: {change}"))),
            None if is_reserved(now, &old) => found.push(format!("{name}: removed")),
            None => found.push(format!(
                "{name}: removed without `reserved {0}; reserved \"{1}\";`",
                old.number(),
                old.name()
            )),
        }
    }
    let added = now.fields().filter(|field| before.get_field(field.number()).is_none());
    for field in added.filter(|field| is_input(field) && rules(field).required) {
        found.push(format!("{}: a new field cannot be required", field.full_name()));
    }
}

fn is_reserved(message: &MessageDescriptor, field: &FieldDescriptor) -> bool {
    message.reserved_ranges().any(|range| range.contains(&field.number()))
        && message.reserved_names().any(|name| name == field.name())
}

fn field(old: &FieldDescriptor, new: &FieldDescriptor) -> Vec<String> {
    let mut changes = Vec::new();
    if old.name() != new.name() || old.json_name() != new.json_name() {
        changes.push(format!("renamed to {}", new.name()));
    }
    // The debug form names messages and enums in full.
    let (before, now) = (format!("{:?}", old.kind()), format!("{:?}", new.kind()));
    if before != now {
        changes.push(format!("its type {before} became {now}"));
    }
    if old.cardinality() != new.cardinality() || old.supports_presence() != new.supports_presence() {
        changes.push("became repeated, optional, or neither".to_owned());
    }
    let name_of_oneof = |field: &FieldDescriptor| oneof(field).map(|oneof| oneof.name().to_owned());
    if name_of_oneof(old) != name_of_oneof(new) {
        changes.push("moved into or out of a oneof".to_owned());
    }
    if is_input(new) && !rules(old).required && rules(new).required {
        changes.push("is now required".to_owned());
    }
    changes
}

fn values(before: &EnumDescriptor, now: &EnumDescriptor, found: &mut Vec<String>) {
    for old in before.values() {
        match now.get_value(old.number()) {
            None => found.push(format!("{}: removed", old.full_name())),
            Some(new) if new.name() != old.name() => {
                found.push(format!("{}: renamed to {}", old.full_name(), new.name()))
            }
            Some(_) => {}
        }
    }
}

fn rpc(old: &Rpc, new: &Rpc) -> Vec<String> {
    let mut changes = Vec::new();
    if old.method.input().full_name() != new.method.input().full_name() {
        changes.push("its request is of another type".to_owned());
    }
    if old.method.output().full_name() != new.method.output().full_name() {
        changes.push("its answer is of another type".to_owned());
    }
    let streams = |rpc: &Rpc| (rpc.method.is_client_streaming(), rpc.method.is_server_streaming());
    if streams(old) != streams(new) {
        changes.push("its streaming changed".to_owned());
    }
    for address in addresses(old) {
        if !addresses(new).contains(&address) {
            changes.push(format!("{address} is gone or changed"));
        }
    }
    if let Some(change) = tightened(&old.access, &new.access) {
        changes.push(change);
    }
    if old.idempotency != Idempotency::Required && new.idempotency == Idempotency::Required {
        changes.push("an idempotency key is now required".to_owned());
    }
    changes
}

/// What clients rely on: verb, path with the names of its variables, and what the body holds.
fn addresses(rpc: &Rpc) -> Vec<String> {
    let print = |binding: &crate::Binding| {
        let path = binding.template(|field| field.name().to_owned());
        let body = match &binding.body {
            crate::Body::None => String::new(),
            crate::Body::Whole => " with body *".to_owned(),
            crate::Body::Field(field) => format!(" with body {}", field.name()),
        };
        format!("{} {path}{body}", binding.verb.upper())
    };
    rpc.bindings.iter().map(print).collect()
}

/// How somebody who could call before cannot any more.
fn tightened(old: &Access, new: &Access) -> Option<String> {
    let rank = |access: &Access| match access {
        Access::Public => 0,
        Access::SignedIn => 1,
        Access::Permission(_) => 2,
        Access::ServiceOnly => 3,
    };
    let changed_permission = matches!((old, new), (Access::Permission(old), Access::Permission(new)) if old != new);
    let changed_party = *old == Access::ServiceOnly && *new != Access::ServiceOnly && *new != Access::Public;
    let tightened = rank(new) > rank(old) || changed_permission || changed_party;
    tightened.then(|| format!("access tightened from {old:?} to {new:?}"))
}
