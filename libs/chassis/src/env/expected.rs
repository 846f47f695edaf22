//! What the usual types look like, told to the operator who wrote something else.

use std::{
    any::TypeId,
    net::{IpAddr, SocketAddr},
};

/// A phrase that follows "expected"; `None` for a type that explains itself in its own error.
pub(super) fn expected<T: 'static>() -> Option<&'static str> {
    let wanted = TypeId::of::<T>();
    let is = |candidates: &[TypeId]| candidates.contains(&wanted);
    if is(&[TypeId::of::<SocketAddr>()]) {
        Some("an address and a port, such as 127.0.0.1:7001")
    } else if is(&[TypeId::of::<IpAddr>()]) {
        Some("an IP address")
    } else if is(&[TypeId::of::<bool>()]) {
        Some("true or false")
    } else if is(&[TypeId::of::<u16>(), TypeId::of::<u32>(), TypeId::of::<u64>(), TypeId::of::<usize>()]) {
        Some("a whole number that is not negative")
    } else if is(&[TypeId::of::<i32>(), TypeId::of::<i64>()]) {
        Some("a whole number")
    } else if is(&[TypeId::of::<std::num::NonZeroUsize>(), TypeId::of::<std::num::NonZeroU32>()]) {
        Some("a whole number above 0")
    } else if is(&[TypeId::of::<String>()]) {
        Some("a text")
    } else {
        None
    }
}
