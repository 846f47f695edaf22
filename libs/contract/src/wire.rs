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
    W::NAMES.iter().find(|(name, _)| same(name, value.as_str())).map_or(0, |(_, number)| *number)
}

/// Whether two names are one: a service may write `order-paid` for the contract's `order_paid`.
pub(crate) fn same(contract: &str, service: &str) -> bool {
    contract.len() == service.len()
        && contract
            .bytes()
            .zip(service.bytes())
            .all(|(ours, theirs)| ours == theirs || (ours == b'_' && theirs == b'-'))
}

include!(concat!(env!("OUT_DIR"), "/wire.rs"));

/// Whether a service's enum and the contract's name the same values; for a test of the service.
///
/// # Errors
/// The names that only one of them knows.
pub fn same_names<W: Wire, D: Named>() -> Result<(), Vec<String>> {
    let ours: Vec<&str> = D::ALL.iter().map(|value| value.as_str()).collect();
    let theirs: Vec<&str> = W::NAMES.iter().map(|(name, _)| *name).collect();
    let unknown = ours.iter().filter(|name| !theirs.iter().any(|known| same(known, name)));
    let missing = theirs.iter().filter(|name| !ours.iter().any(|known| same(name, known)));
    let differences: Vec<String> = (unknown.map(|name| format!("{name}: only in the service")))
        .chain(missing.map(|name| format!("{name}: only in the contract")))
        .collect();
    if differences.is_empty() { Ok(()) } else { Err(differences) }
}
