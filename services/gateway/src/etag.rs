//! Names for contents, so that nobody is sent what they still have (RFC 9110, 8.8 and 13.1.2), and names for versions,
//! so that nobody overwrites what they have not seen (13.1.1).

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use headers::{HeaderMapExt, IfNoneMatch};
use http::{HeaderMap, HeaderValue, header};
use ring::digest::{SHA256, digest};

/// Half of a SHA-256 is more than enough to tell answers apart.
const BYTES: usize = 16;
/// Letters of its text.
const LETTERS: usize = 22;
/// Stands between the version of a thing and the name of the contents that told about it.
const BETWEEN: char = ':';

/// What an answer is called in `ETag`, quotation marks included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ETag(String);

impl ETag {
    /// The name of these contents. It depends on nothing else, so that all replicas and releases agree.
    ///
    /// It is a weak one: the same contents may leave here compressed or not, and a strong name would promise the same
    /// bytes. `If-None-Match` compares weakly anyway.
    pub fn of(contents: &[u8]) -> Self {
        Self(format!("W/\"{}\"", hash(contents)))
    }

    /// The name of a version of a thing that can be changed, as these contents tell of it. It is a strong one, because
    /// `If-Match` compares strongly. The contents are in it because they may change while the version does not: a
    /// permission that a role gains, a title in another language.
    pub fn of_version(version: &str, contents: &[u8]) -> Self {
        Self(format!("\"{version}{BETWEEN}{}\"", hash(contents)))
    }

    /// The name of a version without contents, if there is one.
    pub fn version_only(version: &str) -> Option<Self> {
        (!version.is_empty()).then(|| Self(format!("\"{version}\"")))
    }

    /// As it stands in `ETag`.
    pub fn header(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(&self.0).ok()
    }

    /// Whether the client says by `If-None-Match` that it has these contents.
    pub fn is_known(&self, headers: &HeaderMap) -> bool {
        let (Some(known), Ok(tag)) = (headers.typed_get::<IfNoneMatch>(), self.0.parse()) else { return false };
        !known.precondition_passes(&tag)
    }
}

fn hash(contents: &[u8]) -> String {
    let hash = digest(&SHA256, contents);
    BASE64_URL_SAFE_NO_PAD.encode(hash.as_ref().get(..BYTES).unwrap_or_default())
}

/// The version that `If-Match` names; empty where it names none or any.
///
/// The crate `headers` compares such a header with a tag that is known here; only the service knows the present one, so
/// the text is read by hand.
///
/// # Errors
/// When it is no strong name, or more than one: a caller has read one version.
pub fn expected(headers: &HeaderMap) -> Result<String, &'static str> {
    const WRONG: &str = "expected one ETag, as it was read: quotation marks included, without W/";
    let mut lines = headers.get_all(header::IF_MATCH).iter();
    let Some(line) = lines.next() else { return Ok(String::new()) };
    let line = line.to_str().map_err(|_| WRONG)?.trim();
    if line == "*" && lines.next().is_none() {
        return Ok(String::new());
    }
    let name = line.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).ok_or(WRONG)?;
    let version = name.rsplit_once(BETWEEN).filter(|(_, contents)| contents.len() == LETTERS);
    let version = version.map_or(name, |(version, _)| version);
    // Without a version the write would overwrite whatever is there.
    if lines.next().is_some() || version.is_empty() || name.contains('"') {
        return Err(WRONG);
    }
    Ok(version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn abc() -> ETag {
        ETag("W/\"abc\"".to_owned())
    }

    proptest! {
        #[test]
        fn any_list_is_read_and_ours_is_found_in_it(before in "[ -~]{0,40}", names in prop::collection::vec("(W/)?\"[!#-~]{0,9}\"", 0..5)) {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::try_from(&before).unwrap());
            headers.insert(header::IF_MATCH, HeaderValue::try_from(before).unwrap());
            abc().is_known(&headers);
            let _ = expected(&headers);
            let list = [names, vec!["W/\"abc\"".to_owned()]].concat().join(", ");
            headers.insert(header::IF_NONE_MATCH, HeaderValue::try_from(list).unwrap());
            prop_assert!(abc().is_known(&headers));
        }

        #[test]
        fn the_version_that_was_told_is_the_one_that_is_expected(version in "[!#-~]{1,30}", contents in any::<Vec<u8>>()) {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_MATCH, ETag::of_version(&version, &contents).header().unwrap());
            let read = expected(&headers);
            prop_assert_eq!(read.as_ref(), Ok(&version));
        }
    }

    fn known(tag: &ETag, lines: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::IF_NONE_MATCH, line.parse().unwrap());
        }
        tag.is_known(&headers)
    }

    #[test]
    fn one_version_is_expected_or_any() {
        let sent = |lines: &[&str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::IF_MATCH, line.parse().unwrap());
            }
            expected(&headers)
        };
        assert_eq!(sent(&[]), Ok(String::new()));
        assert_eq!(sent(&["*"]), Ok(String::new()));
        assert_eq!(sent(&[r#" "7" "#]), Ok("7".to_owned()));
        assert_eq!(sent(&[r#""a:b""#]), Ok("a:b".to_owned()), "what follows a colon is not always our own name");
        for wrong in [r#"7"#, r#""""#, r#"W/"7""#, r#""7", "8""#, r#""7"#] {
            assert!(sent(&[wrong]).is_err(), "{wrong}");
        }
        assert!(sent(&[r#""7""#, r#""8""#]).is_err());
        assert!(sent(&["*", r#""8""#]).is_err());
        assert_eq!(ETag::version_only("7").unwrap().header().unwrap(), r#""7""#);
        assert_eq!(ETag::version_only(""), None);
    }

    #[test]
    fn contents_have_one_name() {
        let tag = ETag::of(b"{}");
        assert_eq!(tag, ETag::of(b"{}"));
        assert_ne!(tag, ETag::of(b"{} "));
        assert_eq!(tag.header().unwrap(), "W/\"RBNvo1WzZ4oRRq0W9-hkng\"");
        let version = ETag::of_version("7", b"{}");
        assert_eq!(version.header().unwrap(), "\"7:RBNvo1WzZ4oRRq0W9-hkng\"");
        assert!(known(&version, &["\"7:RBNvo1WzZ4oRRq0W9-hkng\""]) && !known(&version, &["\"7\""]));
    }

    #[test]
    fn a_name_is_known_in_every_way_of_the_standard() {
        for yes in ["\"abc\"", "W/\"abc\"", "\"x\", W/\"abc\"", "\"a,b\" , \"abc\"", "*", ",\"abc\",", "\"\",\"abc\""] {
            assert!(known(&abc(), &[yes]), "{yes}");
        }
        assert!(known(&abc(), &["\"x\"", "\"abc\""]), "several lines are one list");
        for no in ["", "abc", "\"abc", "\"ABC\"", "\"a\",bc", "w/\"abc\"", "**", "\"*\""] {
            assert!(!known(&abc(), &[no]), "{no}");
        }
        assert!(!known(&abc(), &[]));
    }
}
