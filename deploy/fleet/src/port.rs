//! Which port of 127.0.0.1 each part of the fleet listens on.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result};

use crate::home::{Home, State};

/// Ports that people type, tried before any other. The fleet of the tests leaves them to the one that people use.
const MEMORABLE: &[(&str, u16)] = &[("gateway.http", 8080), ("sandbox.http", 8090)];

/// Gives a part its port: the remembered one while it is free, otherwise another, which is remembered from now on.
///
/// Ask only for parts that do not run: the port of a running one is not free.
pub(crate) fn assign(home: &Home, state: &mut State, purpose: &str) -> Result<u16> {
    let remembered = state.ports.get(purpose).copied();
    let taken: BTreeSet<u16> =
        state.ports.iter().filter(|(other, _)| *other != purpose).map(|(_, port)| *port).collect();
    let memorable = MEMORABLE.iter().find(|(name, _)| *name == purpose && !home.is_for_tests()).map(|(_, port)| *port);
    let preferred = [remembered, memorable];
    let port = choose(preferred.into_iter().flatten(), home.first_port(), &taken, is_free)
        .context("no free port is left between 20000 and 31999 on 127.0.0.1")?;
    if let Some(old) = remembered.filter(|old| *old != port) {
        println!("    port {old} of {purpose} is taken by another program; it listens on {port} from now on");
    }
    state.ports.insert(purpose.to_owned(), port);
    Ok(port)
}

/// The first usable of the preferred ports, otherwise the next one from `first` on, around the end of the range.
fn choose(
    preferred: impl Iterator<Item = u16>,
    first: u16,
    taken: &BTreeSet<u16>,
    is_free: impl Fn(u16) -> bool,
) -> Option<u16> {
    preferred.chain(first..32_000).chain(20_000..first).find(|port| !taken.contains(port) && is_free(*port))
}

/// Whether nobody listens on a port of 127.0.0.1.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remembered_port_is_kept_while_it_is_free() {
        let port = choose([21_007, 8080].into_iter(), 20_000, &BTreeSet::new(), |_| true);
        assert_eq!(port, Some(21_007));
    }

    #[test]
    fn a_stranger_on_the_remembered_port_makes_us_take_another() {
        let port = choose([21_007].into_iter(), 20_500, &BTreeSet::new(), |port| port != 21_007);
        assert_eq!(port, Some(20_500));
    }

    #[test]
    fn ports_of_other_parts_are_never_given_twice() {
        let taken = BTreeSet::from([20_500, 20_501]);
        assert_eq!(choose([].into_iter(), 20_500, &taken, |_| true), Some(20_502));
    }

    #[test]
    fn the_search_goes_around_the_end_of_the_range() {
        let port = choose([].into_iter(), 31_999, &BTreeSet::new(), |port| port == 20_003);
        assert_eq!(port, Some(20_003));
        assert_eq!(choose([].into_iter(), 31_999, &BTreeSet::new(), |_| false), None);
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!is_free(port));
        drop(listener);
        assert!(is_free(port));
    }
}
