//! The table of permissions against the contract.

use std::collections::BTreeSet;

use users::domain::role::Permission;

/// What no method asks for at its door: it widens what a method answers with, as its documentation in the contract says.
const WIDENS: [&str; 1] = ["files.read"];

/// Every permission that the contract asks for can be had, and none is granted that nothing asks for.
#[test]
fn the_table_and_the_contract_know_the_same_permissions() {
    let asked: BTreeSet<&str> = proto::METHODS
        .iter()
        .filter_map(|method| match method.access {
            proto::Access::Permission(permission) => Some(permission),
            _ => None,
        })
        .chain(WIDENS)
        .collect();
    let granted: BTreeSet<&str> = Permission::OF_ROLES.into_iter().map(Permission::as_str).collect();
    assert_eq!(asked, granted);
}
