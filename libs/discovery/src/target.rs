//! Where a service is, as configuration says it.

use std::{fmt, str::FromStr};

use http::Uri;

/// Where the replicas of one service are. One of
///
/// - `http://host:port` or `https://host:port`, several separated by commas;
/// - `kube://service:port` or `kube+https://service:port`: the endpoints that Kubernetes knows of a service, of our
///   own namespace or of the one in `service.namespace`; the port by its name or number.
///
/// Those with `https` are spoken to over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target(pub(crate) Place);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Fixed(Vec<Address>),
    Kubernetes(Service),
}

/// One replica, and whether it has to prove its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: Option<String>,
}

/// A service of Kubernetes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Service {
    pub(crate) name: String,
    /// Our own if it is not said.
    pub(crate) namespace: Option<String>,
    pub(crate) port: Port,
    pub(crate) tls: bool,
}

/// A port of a service, as its endpoints call it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Port {
    Number(u16),
    Name(String),
}

/// A text that is not a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected one or more addresses such as http://10.0.0.1:7001,http://10.0.0.2:7001, or a service of Kubernetes such as \
     kube://users:grpc (https://… and kube+https://… over TLS)"
)]
pub struct NotATarget;

impl FromStr for Target {
    type Err = NotATarget;

    fn from_str(text: &str) -> Result<Self, NotATarget> {
        let text = text.trim();
        let service = text.strip_prefix("kube://").map(|rest| (rest, false));
        if let Some((rest, tls)) = service.or_else(|| text.strip_prefix("kube+https://").map(|rest| (rest, true))) {
            return Service::parse(rest, tls).map(Place::Kubernetes).map(Self);
        }
        let addresses = text.split(',').map(|one| Address::parse(one.trim())).collect::<Result<Vec<_>, _>>()?;
        Ok(Self(Place::Fixed(addresses)))
    }
}

impl Address {
    fn parse(text: &str) -> Result<Self, NotATarget> {
        let uri: Uri = text.parse().map_err(|_| NotATarget)?;
        let tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(NotATarget),
        };
        let (Some(host), Some(port), "" | "/", None) = (uri.host(), uri.port_u16(), uri.path(), uri.query()) else {
            return Err(NotATarget);
        };
        if tls {
            tls::server_name(host).map_err(|_| NotATarget)?;
        }
        Ok(Self { host: host.to_owned(), port, tls: tls.then(|| host.to_owned()) })
    }
}

impl Service {
    fn parse(text: &str, tls: bool) -> Result<Self, NotATarget> {
        let (place, port) = text.trim_end_matches('/').split_once(':').ok_or(NotATarget)?;
        let (name, namespace) = match place.split_once('.') {
            Some((name, namespace)) => (name, Some(namespace)),
            None => (place, None),
        };
        let port = match port.parse() {
            Ok(0) => return Err(NotATarget),
            Ok(number) => Port::Number(number),
            Err(_) => Port::Name(label(port)?),
        };
        Ok(Self { name: label(name)?, namespace: namespace.map(label).transpose()?, port, tls })
    }

    /// What a replica over TLS has to prove to be.
    pub(crate) fn dns_name(&self, namespace: &str) -> String {
        format!("{}.{namespace}.svc", self.name)
    }
}

/// A name as Kubernetes allows it (RFC 1123).
fn label(text: &str) -> Result<String, NotATarget> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (1..=63).contains(&text.len()) && text.chars().all(inner);
    if fits && !text.starts_with('-') && !text.ends_with('-') { Ok(text.to_owned()) } else { Err(NotATarget) }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Fixed(addresses) => {
                for (n, address) in addresses.iter().enumerate() {
                    let comma = if n > 0 { "," } else { "" };
                    write!(out, "{comma}{address}")?;
                }
                Ok(())
            }
            Place::Kubernetes(service) => service.fmt(out),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        write!(out, "{scheme}://{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Service {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}://{}", if self.tls { "kube+https" } else { "kube" }, self.name)?;
        if let Some(namespace) = &self.namespace {
            write!(out, ".{namespace}")?;
        }
        match &self.port {
            Port::Number(number) => write!(out, ":{number}"),
            Port::Name(name) => write!(out, ":{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_written_alike() {
        for text in [
            "http://10.0.0.1:7001",
            "http://10.0.0.1:7001,https://users:7001",
            "http://[::1]:7001",
            "kube://users:grpc",
            "kube://lyceum-users.school:7000",
            "kube+https://users.school:grpc",
        ] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
        assert_eq!(
            "http://users:7001/, http://users:7002".parse::<Target>().unwrap().to_string().matches(',').count(),
            1
        );
    }

    #[test]
    fn a_replica_over_tls_has_to_prove_the_name_that_is_known_beforehand() {
        let Target(Place::Fixed(addresses)) = "https://users.example:7001".parse().unwrap() else { panic!() };
        assert_eq!(addresses[0].tls.as_deref(), Some("users.example"));
        let Target(Place::Kubernetes(service)) = "kube+https://users:grpc".parse().unwrap() else { panic!() };
        assert_eq!(service.dns_name("school"), "users.school.svc");
    }

    #[test]
    fn anything_else_is_not_a_target() {
        for text in [
            "",
            ",",
            "users:7001",
            "http://users",
            "ftp://users:7001",
            "http://users:7001/path",
            "http://u:7001,",
            "kube://users",
            "kube://:grpc",
            "kube://users:",
            "kube://users:0",
            "kube://Users:grpc",
            "kube://users.:grpc",
            "kube://users.a.b:grpc",
            "kube://users:grpc,kube://users:grpc",
            "kube://users:grpc,http://u:1",
        ] {
            assert_eq!(text.parse::<Target>(), Err(NotATarget), "{text}");
        }
    }
}
