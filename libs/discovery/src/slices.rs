//! What Kubernetes says of a service's endpoints, and which of them get calls.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::api::discovery::v1::EndpointSlice;

use crate::target::{Address, Port, Service};

/// The slices of one service by their names; a service with many endpoints has several.
#[derive(Debug, Default)]
pub(crate) struct Slices(BTreeMap<String, EndpointSlice>);

impl Slices {
    pub(crate) fn of(slices: Vec<EndpointSlice>) -> Self {
        let mut all = Self::default();
        slices.into_iter().for_each(|slice| all.put(slice));
        all
    }

    pub(crate) fn put(&mut self, slice: EndpointSlice) {
        self.0.insert(slice.metadata.name.clone().unwrap_or_default(), slice);
    }

    pub(crate) fn remove(&mut self, slice: &EndpointSlice) {
        self.0.remove(slice.metadata.name.as_deref().unwrap_or_default());
    }

    /// Where calls go: to the endpoints that are ready. If none is, then to those that are about to end and still
    /// serve, because that is better than nowhere; kube-proxy does the same.
    pub(crate) fn addresses(&self, service: &Service, namespace: &str) -> BTreeSet<Address> {
        let (mut ready, mut ending) = (BTreeSet::new(), BTreeSet::new());
        for slice in self.0.values() {
            let Some(port) = port(slice, &service.port) else { continue };
            for endpoint in &slice.endpoints {
                let conditions = endpoint.conditions.clone().unwrap_or_default();
                let terminating = conditions.terminating.unwrap_or(false);
                // Who does not say is ready, says the contract.
                let chosen = match (terminating, conditions.ready, conditions.serving) {
                    (false, None | Some(true), _) => &mut ready,
                    (true, _, Some(true)) => &mut ending,
                    _ => continue,
                };
                let tls = service.tls.then(|| service.dns_name(namespace));
                let address = |ip: &String| Address { host: host(ip), port, tls: tls.clone() };
                // The addresses of one endpoint are the same pod, of which the first is enough.
                chosen.extend(endpoint.addresses.first().map(address));
            }
        }
        if ready.is_empty() { ending } else { ready }
    }
}

/// The number of a port; `None` where the slice does not have it, or holds names instead of addresses.
fn port(slice: &EndpointSlice, wanted: &Port) -> Option<u16> {
    if slice.address_type == "FQDN" {
        return None;
    }
    let ports = slice.ports.iter().flatten();
    let mut fitting = ports.filter(|port| match wanted {
        Port::Name(name) => port.name.as_ref() == Some(name),
        Port::Number(number) => port.port == Some(i32::from(*number)),
    });
    fitting.next()?.port.and_then(|number| u16::try_from(number).ok())
}

/// As it stands in an address.
fn host(ip: &str) -> String {
    if ip.contains(':') { format!("[{ip}]") } else { ip.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn slice(name: &str, kind: &str, endpoints: &Value) -> EndpointSlice {
        let ports = json!([{ "name": "admin", "port": 9090 }, { "name": "grpc", "port": 7000 }]);
        let slice =
            json!({ "metadata": { "name": name }, "addressType": kind, "endpoints": endpoints, "ports": ports });
        serde_json::from_value(slice).unwrap()
    }

    fn at(ip: &str, conditions: Value) -> Value {
        json!({ "addresses": [ip], "conditions": conditions })
    }

    fn found(slices: Vec<EndpointSlice>, target: &str) -> Vec<String> {
        let crate::Target(crate::target::Place::Kubernetes(service)) = target.parse().unwrap() else { panic!() };
        Slices::of(slices).addresses(&service, "school").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn only_ready_endpoints_get_calls_from_whatever_slice_they_are() {
        let slices = vec![
            slice(
                "users-a",
                "IPv4",
                &json!([
                    at("10.0.0.1", json!({ "ready": true, "serving": true, "terminating": false })),
                    at("10.0.0.2", json!({ "ready": false, "serving": false, "terminating": false })),
                    at("10.0.0.3", json!({ "ready": false, "serving": true, "terminating": true })),
                    at("10.0.0.4", json!({})),
                ]),
            ),
            slice("users-b", "IPv4", &json!([at("10.0.0.5", json!({ "ready": true }))])),
            slice("users-c", "IPv6", &json!([at("fd00::1", json!({ "ready": true }))])),
            slice("users-d", "FQDN", &json!([at("users.example", json!({ "ready": true }))])),
        ];
        let expected = ["10.0.0.1:7000", "10.0.0.4:7000", "10.0.0.5:7000", "[fd00::1]:7000"];
        assert_eq!(found(slices.clone(), "kube://users:grpc"), expected.map(|at| format!("http://{at}")));
        assert_eq!(found(slices.clone(), "kube://users:7000").len(), 4);
        assert_eq!(found(slices.clone(), "kube://users:http"), Vec::<String>::new());
        assert_eq!(found(slices, "kube+https://users:grpc")[0], "https://10.0.0.1:7000");
    }

    #[test]
    fn where_nobody_is_ready_those_that_end_and_still_serve_are_asked() {
        let endpoints = json!([
            at("10.0.0.1", json!({ "ready": false, "serving": true, "terminating": true })),
            at("10.0.0.2", json!({ "ready": false, "serving": false, "terminating": true })),
            at("10.0.0.3", json!({ "ready": false, "serving": false, "terminating": false })),
        ]);
        assert_eq!(found(vec![slice("users-a", "IPv4", &endpoints)], "kube://users:grpc"), ["http://10.0.0.1:7000"]);
    }

    #[test]
    fn a_slice_without_anything_is_read_as_the_api_server_writes_it() {
        let empty = json!({ "metadata": { "name": "a" }, "addressType": "IPv4", "endpoints": null, "ports": null });
        assert!(found(vec![serde_json::from_value(empty).unwrap()], "kube://users:grpc").is_empty());
    }

    #[test]
    fn what_is_deleted_is_gone() {
        let one = slice("users-a", "IPv4", &json!([at("10.0.0.1", json!({}))]));
        let mut slices = Slices::of(vec![one.clone()]);
        slices.remove(&one);
        let crate::Target(crate::target::Place::Kubernetes(service)) = "kube://users:grpc".parse().unwrap() else {
            panic!()
        };
        assert!(slices.addresses(&service, "school").is_empty());
    }
}
