//! Where a provider may send payers after they have paid: to our own pages only, or a payment would lend our name to
//! anybody's site. Which pages are ours, the operator says.

use rpc::{Fields, Invalid};
use url::{Origin, Url};

use crate::domain::attempt::Back;

/// The longest address that every provider takes.
const LONGEST: usize = 250;

/// The origins of our own pages.
#[derive(Debug, Clone)]
pub struct ReturnPages {
    origins: Vec<Origin>,
    home: String,
}

/// An address that is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an address of this school, at most 250 characters")]
pub struct NotOurs;

values::mistake!(NotOurs => NotAllowed);

impl ReturnPages {
    /// Allows these origins; the first address is where a payer goes who was not sent anywhere else.
    pub fn of(first: &Url, others: &[Url]) -> Self {
        let origins = std::iter::once(first).chain(others).map(Url::origin).collect();
        Self { origins, home: first.as_str().to_owned() }
    }

    /// The pages after success and after a failure; the usual page for none.
    pub fn back(&self, success: Option<&str>, fail: Option<&str>) -> Result<Back, Invalid> {
        let mut fields = Fields::new();
        let success = fields.take("success_url", self.page(success));
        let fail = fields.take("fail_url", self.page(fail));
        let (success, fail) = fields.finish((success, fail))?;
        Ok(Back { success, fail })
    }

    fn page(&self, text: Option<&str>) -> Result<String, NotOurs> {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(self.home.clone()) };
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
        let pages = ReturnPages::of(&home, &[other]);
        assert_eq!(pages.page(None).as_deref(), Ok("https://school.example/"));
        for good in ["https://school.example/paid?order=7", "https://SCHOOL.example:443/x", "http://127.0.0.1:8080/ok"]
        {
            assert!(pages.page(Some(good)).is_ok(), "{good}");
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
            assert_eq!(pages.page(Some(bad)), Err(NotOurs), "{bad}");
        }
    }
}
