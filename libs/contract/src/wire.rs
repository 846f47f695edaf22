//! Enums of the services as those of the contract: they go by their names, so that no variant is written out twice.

use values::Named;

/// An enum of the contract.
pub trait Wire: Sized {
    /// The variants and the names that services give them: `self_paced` for `PACING_SELF_PACED`.
    const NAMES: &'static [(&'static str, i32)];
}

/// A value of a service as the number that stands in a message.
///
/// A value that the contract does not know is written as 0; [`same_names`] in a test of the service finds it before.
pub fn wire<W: Wire>(value: impl Named) -> i32 {
    W::NAMES.iter().find(|(name, _)| *name == value.as_str()).map_or(0, |(_, number)| *number)
}

include!(concat!(env!("OUT_DIR"), "/wire.rs"));

/// Whether a service's enum and the contract's name the same values; for a test of the service.
///
/// # Errors
/// The names that only one of them knows.
pub fn same_names<W: Wire, D: Named>() -> Result<(), Vec<String>> {
    let ours: Vec<&str> = D::ALL.iter().map(|value| value.as_str()).collect();
    let theirs: Vec<&str> = W::NAMES.iter().map(|(name, _)| *name).collect();
    let only = |of: &[&str], than: &[&str], whose: &str| -> Vec<String> {
        of.iter().filter(|name| !than.contains(name)).map(|name| format!("{name}: only in the {whose}")).collect()
    };
    let differences = [only(&ours, &theirs, "service"), only(&theirs, &ours, "contract")].concat();
    if differences.is_empty() { Ok(()) } else { Err(differences) }
}
