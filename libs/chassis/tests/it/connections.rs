//! Who may be connected at the same time.

use std::net::TcpStream;

use super::helpers::{Probe, eventually, get};

#[test]
fn one_address_takes_its_share_of_the_places_and_no_more() {
    let probe = Probe::start(&[("LYCEUM_CONNECTIONS_PER_ADDRESS", "2")]);
    let idle = [TcpStream::connect(probe.http).unwrap(), TcpStream::connect(probe.http).unwrap()];
    eventually("two are open", || probe.metric("server_connections", &["HTTP"]).filter(|line| line.ends_with(" 2")));
    assert!(get(probe.http, "/echo/x").is_none(), "a third one is closed at once");
    assert!(probe.metric("server_connections_refused_total", &["HTTP"]).unwrap().ends_with(" 1"));
    drop(idle);
    eventually("there is room again", || get(probe.http, "/echo/x"));
}
