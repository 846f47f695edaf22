//! Where a request comes from in the outside world, as the gateway tells it.

use crate::{ACCEPT_LANGUAGE, CLIENT_ADDRESS, CLIENT_AGENT, GATEWAY, layer::peer};
use rpc::{Context, RequestId};
use std::{cmp::Reverse, net::IpAddr};
use tonic::metadata::{MetadataMap, MetadataValue};
use values::Language;

/// The longest name of a client that is passed on.
const LONGEST_AGENT: usize = 256;

/// Where a request comes from. For records and limits; it proves nothing about who the caller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The address of the client outside, if the gateway says it.
    pub address: Option<IpAddr>,
    /// What the client outside calls itself, if the gateway says it.
    pub user_agent: Option<String>,
    /// The request's id.
    pub request_id: String,
    /// The language that the client prefers among ours.
    pub language: Option<Language>,
}

/// Where a request comes from. The address and the client's name are believed only from the gateway itself.
pub fn origin<T>(request: &tonic::Request<T>) -> Origin {
    let text = |name| request.metadata().get(name).and_then(|value| value.to_str().ok());
    let by_gateway = peer(request).is_some_and(|peer| peer.as_str() == GATEWAY);
    let from_gateway = |name| text(name).filter(|_| by_gateway);
    let request_id = match request.extensions().get::<Context>() {
        Some(context) => context.request_id.clone(),
        None => RequestId::of(request.metadata().as_ref()),
    };
    Origin {
        address: from_gateway(CLIENT_ADDRESS).and_then(|address| address.parse().ok()),
        user_agent: from_gateway(CLIENT_AGENT).map(str::to_owned),
        request_id: request_id.as_str().to_owned(),
        language: text(ACCEPT_LANGUAGE).and_then(Origin::preferred_language),
    }
}

impl Origin {
    /// Writes the address, the client's name and the language into a call; the request's id travels by itself. This
    /// is for the gateway.
    pub fn write(&self, metadata: &mut MetadataMap) {
        let mut put = |name: &'static str, text: &str| {
            if let Ok(value) = MetadataValue::try_from(text) {
                metadata.insert(name, value);
            }
        };
        if let Some(address) = self.address {
            put(CLIENT_ADDRESS, &address.to_string());
        }
        if let Some(agent) = &self.user_agent {
            let visible = agent.chars().map(|c| if c == ' ' || c.is_ascii_graphic() { c } else { '?' });
            put(CLIENT_AGENT, &visible.take(LONGEST_AGENT).collect::<String>());
        }
        if let Some(language) = self.language {
            put(ACCEPT_LANGUAGE, language.as_str());
        }
    }

    /// The language of ours that an `Accept-Language` header likes best: the first with the greatest weight.
    pub fn preferred_language(accepted: &str) -> Option<Language> {
        let read = |item: &str| {
            let (range, weight) = item.split_once(';').unwrap_or((item, "q=1"));
            let primary = range.trim().split('-').next()?.to_ascii_lowercase();
            let weight = thousandths(weight.trim().strip_prefix("q=")?)?;
            Some((weight, Language::parse(&primary)?))
        };
        let ours = accepted.split(',').take(20).filter_map(read);
        let mut wanted: Vec<_> = ours.filter(|(weight, _)| *weight > 0).collect();
        wanted.sort_by_key(|(weight, _)| Reverse(*weight));
        wanted.first().map(|(_, language)| *language)
    }
}

/// A weight of RFC 9110 (0 to 1 with at most three decimals) in thousandths.
fn thousandths(weight: &str) -> Option<u32> {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    let decimals_fit = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let whole: u32 = whole.parse().ok().filter(|whole| *whole <= 1 && decimals_fit)?;
    let decimals: u32 = format!("{decimals:0<3}").parse().ok()?;
    Some((whole * 1_000 + decimals).min(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_wish_for_a_language_is_read(accepted in ".{0,60}|((ru|en|de|\\*)(-[A-Z]{2})?(;q=[0-9.]{0,6})?,? ?){0,5}") {
            let _ = Origin::preferred_language(&accepted);
        }
    }

    #[test]
    fn the_best_liked_of_our_languages_is_found() {
        for (header, language) in [
            ("ru", Some(Language::Russian)),
            ("en-US,en;q=0.9", Some(Language::English)),
            ("de, ru-RU;q=0.5, en;q=0.7", Some(Language::English)),
            ("ru;q=0.8,en;q=0.8", Some(Language::Russian)),
            ("en;q=0, ru;q=0.001", Some(Language::Russian)),
            ("RU-ru", Some(Language::Russian)),
            ("de,fr;q=0.5", None),
            ("*", None),
            ("ru;q=nonsense", None),
            ("", None),
        ] {
            assert_eq!(Origin::preferred_language(header), language, "{header:?}");
        }
    }

    #[test]
    fn a_client_cannot_break_the_call_by_its_name() {
        let agent = Some(format!("Браузер/1.0\n{}", "x".repeat(9_000)));
        let origin = Origin { address: None, user_agent: agent, request_id: "r".into(), language: None };
        let mut metadata = MetadataMap::new();
        origin.write(&mut metadata);
        let written = metadata.get(CLIENT_AGENT).unwrap().to_str().unwrap();
        assert!(written.starts_with("???????/1.0?x") && written.len() == LONGEST_AGENT, "{written}");
    }
}
