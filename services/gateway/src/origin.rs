//! Where a request comes from: the client's address behind our own proxies, its name and its language.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
};

use auth::Origin;
use axum::extract::ConnectInfo;
use http::{Extensions, HeaderMap, header, request::Parts};
use rpc::RequestId;

use crate::{app::App, limits::Decisions};

/// Whoever makes a request, as far as that is known without a token.
pub struct Visitor {
    pub origin: Origin,
    /// What the limits say about the request.
    pub decisions: Decisions,
}

impl Visitor {
    /// The visitor behind a request.
    pub fn of(app: &App, parts: &Parts) -> Self {
        let decisions = parts.extensions.get::<Decisions>().cloned().unwrap_or_default();
        Self { origin: origin(&parts.headers, &parts.extensions, app.config.proxies), decisions }
    }

    /// Whom the visitor's address stands for in a limit: an IPv6 network of /64 is one household, which could otherwise
    /// change its address with every request.
    pub fn household(&self) -> String {
        household(self.origin.address)
    }
}

/// Reads where a request comes from. `proxies` reverse proxies stand before us, each of which appends to
/// `X-Forwarded-For` whom it got the request from; what stands further left was written by the client itself.
fn origin(headers: &HeaderMap, extensions: &Extensions, proxies: usize) -> Origin {
    let text = |name| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip().to_canonical());
    Origin {
        address: forwarded(headers, proxies).or(peer),
        user_agent: text(header::USER_AGENT).map(Cow::into_owned),
        request_id: RequestId::of(headers).as_str().to_owned(),
        language: text(header::ACCEPT_LANGUAGE).and_then(|accepted| Origin::preferred_language(&accepted)),
    }
}

fn forwarded(headers: &HeaderMap, proxies: usize) -> Option<IpAddr> {
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let hop = hops.len().checked_sub(proxies).filter(|_| proxies > 0).and_then(|place| hops.get(place))?;
    let address = hop.parse::<IpAddr>().or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

fn household(address: Option<IpAddr>) -> String {
    match address {
        None => "unknown".to_owned(),
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_chain_of_addresses_gets_past_our_own_proxy(chain in "[ -~]{0,80}", proxies in 1_usize..4) {
            let address = address(&[&chain, "203.0.113.9"], 1);
            prop_assert_eq!(address.as_deref(), Some("203.0.113.9"));
            let _ = self::address(&[&chain], proxies);
        }
    }

    fn address(lines: &[&str], proxies: usize) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        let mut extensions = Extensions::new();
        extensions.insert(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 999))));
        origin(&headers, &extensions, proxies).address.map(|address| address.to_string())
    }

    #[test]
    fn only_what_our_own_proxies_wrote_is_believed() {
        let told = ["6.6.6.6, 203.0.113.9", "10.0.0.7"];
        assert_eq!(address(&told, 0).unwrap(), "10.0.0.1");
        assert_eq!(address(&told, 1).unwrap(), "10.0.0.7");
        assert_eq!(address(&told, 2).unwrap(), "203.0.113.9");
        assert_eq!(address(&told, 4).unwrap(), "10.0.0.1", "fewer proxies than there should be");
        assert_eq!(address(&[], 1).unwrap(), "10.0.0.1");
        assert_eq!(address(&["nonsense"], 1).unwrap(), "10.0.0.1");
        assert_eq!(address(&["203.0.113.9:1234"], 1).unwrap(), "203.0.113.9");
        assert_eq!(address(&["[2001:db8::1]:1234"], 1).unwrap(), "2001:db8::1");
        assert_eq!(address(&["::ffff:203.0.113.9"], 1).unwrap(), "203.0.113.9");
    }

    #[test]
    fn neighbours_in_one_ipv6_network_share_a_limit() {
        let of = |text: &str| household(text.parse().ok());
        assert_eq!(of("2001:db8:0:1::1"), of("2001:db8:0:1:ffff::2"));
        assert_ne!(of("2001:db8:0:1::1"), of("2001:db8:0:2::1"));
        assert_eq!(of("203.0.113.9"), "203.0.113.9");
    }
}
