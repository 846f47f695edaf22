//! An e-mail address, brought to one spelling.

use std::fmt;

/// An address as we keep it: trimmed, its domain in lower case.
///
/// The local part keeps its case, because the person's mail server may care; for finding accounts case never matters
/// (see [`EmailAddress::key`] and the unique index on `lower(email)`).
#[derive(Clone, PartialEq, Eq, values::Column)]
#[column(parse)]
pub struct EmailAddress(String);

/// A text that is not an address we can write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an e-mail address, such as anna@example.com")]
pub struct BadEmail;

values::mistake!(BadEmail => Malformed);

impl EmailAddress {
    /// Trims, checks and normalises. Only ASCII: international domains are written in punycode.
    pub fn parse(text: &str) -> Result<Self, BadEmail> {
        let text = text.trim();
        // 254 and 64 are SMTP's limits (RFC 5321).
        if text.len() > 254 {
            return Err(BadEmail);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(BadEmail)?;
        if !is_local_part(local) || !is_domain(domain) {
            return Err(BadEmail);
        }
        Ok(Self(format!("{local}@{}", domain.to_ascii_lowercase())))
    }

    /// The address to write to.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address by which accounts are found: the same for every spelling.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// Dots separate runs of the characters that RFC 5322 calls `atext`; quoted local parts are refused, nobody has one.
fn is_local_part(local: &str) -> bool {
    let atom = |atom: &str| {
        !atom.is_empty() && atom.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&b))
    };
    local.len() <= 64 && local.split('.').all(atom)
}

/// At least two labels of letters, digits and hyphens, and a last one that is no number, so that no IP address passes.
fn is_domain(domain: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.') && domain.split('.').all(label) && last.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Shows only the domain, so that an address does not slip into a log line.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "…@{}", self.0.rsplit('@').next().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_trimmed_and_its_domain_is_lower_case() {
        let address = EmailAddress::parse("  Anna.K+school@Example.COM \n").unwrap();
        assert_eq!(address.as_str(), "Anna.K+school@example.com");
        assert_eq!(address.key(), "anna.k+school@example.com");
    }

    #[test]
    fn what_nobody_can_write_to_is_refused() {
        for bad in [
            "",
            "anna",
            "@example.com",
            "anna@",
            "anna@example",
            "anna@127.0.0.1",
            "an na@example.com",
            "anna@exa mple.com",
            "anna@-example.com",
            "anna@example..com",
            ".anna@example.com",
            "anna..k@example.com",
            "anna@example.com\r\nBcc: all@example.com",
            "анна@example.com",
            "\"anna k\"@example.com",
            "a@b@example.com",
        ] {
            assert_eq!(EmailAddress::parse(bad), Err(BadEmail), "{bad:?}");
        }
        assert_eq!(EmailAddress::parse(&format!("{}@example.com", "a".repeat(65))), Err(BadEmail));
        assert_eq!(EmailAddress::parse(&format!("a@{}com", "example.".repeat(32))), Err(BadEmail));
    }

    #[test]
    fn printing_for_debugging_hides_the_person() {
        assert!(!format!("{:?}", EmailAddress::parse("anna@example.com").unwrap()).contains("anna"));
    }
}
