//! Where a service is, as configuration says it.

use std::{fmt, str::FromStr};

use http::Uri;

/// The replicas of one service: `http://host:port`, several separated by commas.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    addresses: Vec<Uri>,
}

/// A text that is not a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected one or more addresses such as http://10.0.0.1:7001,http://10.0.0.2:7001")]
pub struct NotATarget;

impl Target {
    pub(crate) fn addresses(&self) -> &[Uri] {
        &self.addresses
    }
}

impl FromStr for Target {
    type Err = NotATarget;

    fn from_str(text: &str) -> Result<Self, NotATarget> {
        let addresses = text.split(',').map(|one| address(one.trim())).collect::<Result<Vec<Uri>, _>>()?;
        Ok(Self { addresses })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, address) in self.addresses.iter().enumerate() {
            let comma = if n > 0 { "," } else { "" };
            write!(out, "{comma}{address}")?;
        }
        Ok(())
    }
}

fn address(text: &str) -> Result<Uri, NotATarget> {
    let uri: Uri = text.parse().map_err(|_| NotATarget)?;
    let whole = uri.scheme_str() == Some("http") && uri.port_u16().is_some() && matches!(uri.path(), "" | "/");
    if whole && uri.query().is_none() { Ok(uri) } else { Err(NotATarget) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_several_addresses_are_a_target() {
        let target: Target = "http://10.0.0.1:7001, http://users:7001".parse().unwrap();
        assert_eq!(target.addresses().len(), 2);
        assert_eq!(target.to_string(), "http://10.0.0.1:7001/,http://users:7001/");
    }

    #[test]
    fn anything_else_is_not() {
        for text in
            ["", ",", "users:7001", "http://users", "https://users:7001", "http://users:7001/path", "http://u:7001,"]
        {
            assert_eq!(text.parse::<Target>(), Err(NotATarget), "{text}");
        }
    }
}
