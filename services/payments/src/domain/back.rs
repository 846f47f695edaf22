//! Where a payer may be sent after paying: our own pages only, or a payment would lend our name to anybody's site.

use url::{Origin, Url};

/// The longest address that every provider takes.
const LONGEST: usize = 250;

/// The origins of our own pages.
#[derive(Debug, Clone)]
pub struct Pages {
    origins: Vec<Origin>,
    home: String,
}

/// An address that is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an address of this school, at most 250 characters")]
pub struct NotOurs;

values::mistake!(NotOurs => NotAllowed);

impl Pages {
    /// Allows these origins; the first address is where a payer goes who was not sent anywhere else.
    pub fn of(first: &Url, others: &[Url]) -> Self {
        let origins = std::iter::once(first).chain(others).map(Url::origin).collect();
        Self { origins, home: first.as_str().to_owned() }
    }

    /// Takes an address, or the usual page for none.
    pub fn parse(&self, text: &str) -> Result<String, NotOurs> {
        if text.is_empty() {
            return Ok(self.home.clone());
        }
        let url = Url::parse(text).map_err(|_| NotOurs)?;
        let ours = url.username().is_empty() && url.password().is_none() && self.origins.contains(&url.origin());
        let fits = url.as_str().len() <= LONGEST && url.as_str().is_ascii();
        if ours && fits { Ok(url.into()) } else { Err(NotOurs) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_pages_are_taken() {
        let home: Url = "https://school.example/".parse().unwrap();
        let other: Url = "http://127.0.0.1:8080".parse().unwrap();
        let pages = Pages::of(&home, &[other]);
        assert_eq!(pages.parse("").as_deref(), Ok("https://school.example/"));
        for good in ["https://school.example/paid?order=7", "https://SCHOOL.example:443/x", "http://127.0.0.1:8080/ok"]
        {
            assert!(pages.parse(good).is_ok(), "{good}");
        }
        let long = format!("https://school.example/{}", "x".repeat(300));
        for bad in [
            "https://evil.example/",
            "http://school.example/",
            "https://school.example:8443/",
            "https://school.example.evil.example/",
            "https://school.example@evil.example/",
            "https://me:pw@school.example/",
            "//school.example/",
            "/paid",
            "javascript:alert(1)",
            &long,
        ] {
            assert_eq!(pages.parse(bad), Err(NotOurs), "{bad}");
        }
    }
}
