//! How many connections are open from where, so that one stranger cannot take all places.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

/// How much of an IPv6 address tells who somebody is: a household gets a /64, and may choose the rest.
const HOUSEHOLD: u32 = 64;

/// Open connections by address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Addresses(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// One connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// Counts a connection, if its address has fewer than `limit`.
    pub(crate) fn enter(&self, peer: SocketAddr, limit: Option<usize>) -> Option<Share> {
        let address = somebody(peer.ip());
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = open.entry(address).or_default();
        if limit.is_some_and(|limit| *connections >= limit) {
            return None;
        }
        *connections += 1;
        Some(Share { of: self.clone(), address })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut open = self.of.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connections) = open.get_mut(&self.address) {
            *connections -= 1;
            if *connections == 0 {
                open.remove(&self.address);
            }
        }
    }
}

/// Whose an address is.
fn somebody(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let household = address.to_bits() >> (Ipv6Addr::BITS - HOUSEHOLD) << (Ipv6Addr::BITS - HOUSEHOLD);
            Ipv6Addr::from_bits(household).into()
        }
        address => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> SocketAddr {
        SocketAddr::new(text.parse().unwrap(), 4711)
    }

    #[test]
    fn one_address_has_its_share_and_the_next_one_its_own() {
        let addresses = Addresses::default();
        let first = addresses.enter(peer("192.0.2.1"), Some(2)).unwrap();
        let _second = addresses.enter(peer("::ffff:192.0.2.1"), Some(2)).unwrap();
        assert!(addresses.enter(peer("192.0.2.1"), Some(2)).is_none());
        assert!(addresses.enter(peer("192.0.2.2"), Some(2)).is_some());
        drop(first);
        assert!(addresses.enter(peer("192.0.2.1"), Some(2)).is_some());
    }

    #[test]
    fn a_household_is_one_whatever_addresses_it_takes() {
        let addresses = Addresses::default();
        let _one = addresses.enter(peer("2001:db8:0:1::1"), Some(1)).unwrap();
        assert!(addresses.enter(peer("2001:db8:0:1:dead::2"), Some(1)).is_none());
        assert!(addresses.enter(peer("2001:db8:0:2::1"), Some(1)).is_some());
    }

    #[test]
    fn nothing_is_kept_of_who_has_left() {
        let addresses = Addresses::default();
        drop(addresses.enter(peer("192.0.2.1"), None));
        assert!(addresses.0.lock().unwrap().is_empty());
    }
}
