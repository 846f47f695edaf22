//! Names for contents, so that nobody is sent what they still have (RFC 9110, 8.8 and 13.1.2), and names for versions, so that
//! nobody overwrites what they have not seen (13.1.1).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, header};
use ring::digest::{SHA256, digest};

/// Half of a SHA-256 is more than enough to tell answers apart.
const BYTES: usize = 16;

/// The name of an answer's contents.
///
/// It is a weak one: the same contents may leave here compressed or not, and a strong name would promise the same bytes.
/// `If-None-Match` compares weakly anyway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The name of these contents. It depends on nothing else, so that all replicas and releases agree.
    pub fn of(contents: &[u8]) -> Self {
        let hash = digest(&SHA256, contents);
        let hash = hash.as_ref().get(..BYTES).unwrap_or_default();
        Self(BASE64_URL_SAFE_NO_PAD.encode(hash))
    }

    /// As it stands in `ETag`.
    pub fn header(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(format!("W/\"{}\"", self.0)).ok()
    }

    /// Whether the client says by `If-None-Match` that it has these contents.
    pub fn is_known(&self, headers: &HeaderMap) -> bool {
        let lines = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|line| line.to_str().ok());
        let mut known = lines.flat_map(|line| if line.trim() == "*" { vec![self.0.as_str()] } else { tags(line) });
        known.any(|tag| tag == self.0)
    }
}

/// The name of a version of a thing that can be changed, as it stands in `ETag`. It is a strong one: `If-Match` compares strongly.
pub fn of_version(version: &str) -> Option<HeaderValue> {
    if version.is_empty() { None } else { HeaderValue::try_from(format!("\"{version}\"")).ok() }
}

/// The version that `If-Match` names; empty where it names none or any.
///
/// # Errors
/// When it is no name, or more than one: a caller has read one version.
pub fn expected(headers: &HeaderMap) -> Result<String, &'static str> {
    const WRONG: &str = "expected the ETag of what was read, quotation marks included";
    let mut lines = headers.get_all(header::IF_MATCH).iter();
    let Some(line) = lines.next() else { return Ok(String::new()) };
    let line = line.to_str().map_err(|_| WRONG)?.trim();
    if line == "*" {
        return Ok(String::new());
    }
    let version = line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(WRONG)?;
    if lines.next().is_some() || version.is_empty() || version.contains('"') {
        return Err(WRONG);
    }
    Ok(version.to_owned())
}

/// The names in a list, weak or not. What comes after something that is no name is left out.
fn tags(list: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = list;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let opened = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"');
        let Some((tag, after)) = opened.and_then(|opened| opened.split_once('"')) else { return found };
        found.push(tag);
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_list_is_read_and_ours_is_found_in_it(before in "[ -~]{0,40}", names in prop::collection::vec("(W/)?\"[!#-~]{0,9}\"", 0..5)) {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::try_from(before).unwrap());
            ETag("abc".to_owned()).is_known(&headers);
            let list = [names, vec!["W/\"abc\"".to_owned()]].concat().join(", ");
            headers.insert(header::IF_NONE_MATCH, HeaderValue::try_from(list).unwrap());
            prop_assert!(ETag("abc".to_owned()).is_known(&headers));
        }
    }

    fn known(lines: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::IF_NONE_MATCH, line.parse().unwrap());
        }
        ETag("abc".to_owned()).is_known(&headers)
    }

    #[test]
    fn one_version_is_expected_or_any() {
        let sent = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            lines.iter().for_each(|line| drop(headers.append(header::IF_MATCH, line.parse().unwrap())));
            expected(&headers)
        };
        assert_eq!(sent(&[]), Ok(String::new()));
        assert_eq!(sent(&["*"]), Ok(String::new()));
        assert_eq!(sent(&[r#" "7" "#]), Ok("7".to_owned()));
        for wrong in [r#"7"#, r#""""#, r#"W/"7""#, r#""7", "8""#, r#""7"#] {
            assert!(sent(&[wrong]).is_err(), "{wrong}");
        }
        assert!(sent(&[r#""7""#, r#""8""#]).is_err());
        assert_eq!(of_version("7").unwrap(), r#""7""#);
        assert_eq!(of_version(""), None);
    }

    #[test]
    fn contents_have_one_name() {
        let tag = ETag::of(b"{}");
        assert_eq!(tag, ETag::of(b"{}"));
        assert_ne!(tag, ETag::of(b"{} "));
        assert_eq!(tag.header().unwrap(), "W/\"RBNvo1WzZ4oRRq0W9-hkng\"");
    }

    #[test]
    fn a_name_is_known_in_every_way_of_the_standard() {
        for yes in
            ["\"abc\"", "W/\"abc\"", "\"x\", W/\"abc\"", "\"a,b\" , \"abc\"", "*", " * ", ",\"abc\",", "\"\",\"abc\""]
        {
            assert!(known(&[yes]), "{yes}");
        }
        assert!(known(&["\"x\"", "\"abc\""]), "several lines are one list");
        for no in ["", "abc", "\"abc", "\"ABC\"", "\"a\",bc", "w/\"abc\"", "\"x\" abc \"abc\"", "**", "\"*\""] {
            assert!(!known(&[no]), "{no}");
        }
        assert!(!known(&[]));
    }
}
