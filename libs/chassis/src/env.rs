//! The configuration as the process was given it: environment variables only, every mistake collected, secrets never
//! shown.
//!
//! What a service asks for lives in its own `config.rs`; what every service has is in `settings`.

mod duration;
mod expected;
mod identity;
mod near;

use std::{collections::BTreeMap, ffi::OsString, fmt, str::FromStr, time::Duration};

use secrecy::SecretString;
use url::Url;

use expected::expected;

/// All our variables begin with this, and a variable that begins with this must be ours.
const PREFIX: &str = "LYCEUM_";

/// Longest value that a complaint repeats.
const LONGEST_SHOWN: usize = 80;

/// Reads variables and remembers every mistake, so that the operator sees all of them at once.
///
/// A getter answers `None` when it has recorded a mistake. Call all getters first and take the values apart with `?`
/// afterwards: an early `?` would hide later mistakes. An empty variable counts as one that is not set.
pub struct Env {
    variables: BTreeMap<String, OsString>,
    asked: BTreeMap<String, bool>,
    mistakes: Vec<Mistake>,
}

/// Names only: the values may be secret.
impl fmt::Debug for Env {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_set().entries(self.variables.keys()).finish()
    }
}

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    name: String,
    text: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.name, self.text)
    }
}

impl Env {
    /// The variables of this process.
    pub fn of_process() -> Self {
        Self::of(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))))
    }

    /// The given variables; for tests and tools.
    pub fn of<N: Into<String>, V: Into<OsString>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let variables = variables
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()))
            .filter(|(name, value): &(String, OsString)| name.starts_with(PREFIX) && !value.is_empty())
            .collect();
        Self { variables, asked: BTreeMap::new(), mistakes: Vec::new() }
    }

    /// A variable that must be set.
    pub fn required<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display> + 'static,
    {
        match self.text(name)? {
            Some(text) => self.parse(name, &text),
            None => {
                let wanted = expected::<T>().unwrap_or("a value");
                self.refuse(name, format!("is not set, expected {wanted}"));
                None
            }
        }
    }

    /// A variable with a default.
    pub fn or<T>(&mut self, name: &'static str, default: T) -> Option<T>
    where
        T: FromStr<Err: fmt::Display> + 'static,
    {
        match self.text(name)? {
            Some(text) => self.parse(name, &text),
            None => Some(default),
        }
    }

    /// A variable that may be left out: `Some(None)` then.
    pub fn optional<T>(&mut self, name: &'static str) -> Option<Option<T>>
    where
        T: FromStr<Err: fmt::Display> + 'static,
    {
        match self.text(name)? {
            Some(text) => self.parse(name, &text).map(Some),
            None => Some(None),
        }
    }

    /// A list, separated by commas; the empty list when it is not set.
    pub fn list<T>(&mut self, name: &'static str) -> Option<Vec<T>>
    where
        T: FromStr<Err: fmt::Display> + 'static,
    {
        let text = self.text(name)?.unwrap_or_default();
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        let read: Vec<Option<T>> = parts.map(|part| self.parse(name, part)).collect();
        read.into_iter().collect()
    }

    /// One of a few words, given with what each of them means; the default is the first.
    pub fn choice<T: Clone>(&mut self, name: &'static str, choices: &[(&str, T)]) -> Option<T> {
        let Some(text) = self.text(name)? else { return choices.first().map(|(_, value)| value.clone()) };
        let chosen = choices.iter().find(|(word, _)| *word == text).map(|(_, value)| value.clone());
        if chosen.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            self.refuse(name, format!("{} is refused, expected one of {}", shown(&text), words.join(", ")));
        }
        chosen
    }

    /// A length of time such as `250ms`, `5s`, `10m`, `1h` or `7d`, with a default.
    pub fn duration(&mut self, name: &'static str, default: Duration) -> Option<Duration> {
        let Some(text) = self.text(name)? else { return Some(default) };
        let length = duration::parse(&text);
        if length.is_none() {
            let wanted = "a whole number and a unit, such as 250ms, 5s, 10m, 1h or 7d";
            self.refuse(name, format!("{} is refused, expected {wanted}", shown(&text)));
        }
        length
    }

    /// An address with one of the schemes, such as `["http", "https"]`. For one with a password in it use
    /// [`secret_url`](Self::secret_url).
    pub fn url(&mut self, name: &'static str, schemes: &[&str]) -> Option<Url> {
        match self.optional_url(name, schemes)? {
            Some(url) => Some(url),
            None => {
                self.refuse(name, format!("is not set, expected {}", an_address(schemes)));
                None
            }
        }
    }

    /// The same, but it may be left out.
    pub fn optional_url(&mut self, name: &'static str, schemes: &[&str]) -> Option<Option<Url>> {
        let Some(text) = self.text(name)? else { return Some(None) };
        let url = read_url(&text, schemes);
        if url.is_none() {
            self.refuse(name, format!("{} is refused, expected {}", shown(&text), an_address(schemes)));
        }
        url.map(Some)
    }

    /// A secret that must be given, in the variable or in the file that `<name>_FILE` points at.
    pub fn secret(&mut self, name: &'static str) -> Option<SecretString> {
        self.secret_as(name, "a secret", |text| Some(SecretString::from(text)))
    }

    /// The same, but it may be left out.
    pub fn optional_secret(&mut self, name: &'static str) -> Option<Option<SecretString>> {
        Some(self.secret_text(name)?.map(SecretString::from))
    }

    /// A secret address with one of the schemes, such as a database's with its password.
    pub fn secret_url(&mut self, name: &'static str, schemes: &[&str]) -> Option<SecretString> {
        let wanted = an_address(schemes);
        self.secret_as(name, &wanted, |text| read_url(text, schemes).map(|_| SecretString::from(text)))
    }

    /// A secret that `read` understands. Of a bad one only `wanted` is printed, such as "32 bytes in base64".
    pub fn secret_as<T>(
        &mut self,
        name: &'static str,
        wanted: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let Some(text) = self.secret_text(name)? else {
            self.refuse(name, format!("is not set, expected {wanted}, here or in the file that {name}_FILE names"));
            return None;
        };
        let value = read(&text);
        if value.is_none() {
            self.refuse(name, format!("is refused (it is secret and not shown), expected {wanted}"));
        }
        value
    }

    /// Records a mistake that the service found itself, such as two values that do not go together.
    pub fn refuse(&mut self, name: &str, text: impl Into<String>) {
        self.mistakes.push(Mistake { name: name.to_owned(), text: text.into() });
    }

    /// Every mistake so far, together with the variables of ours that nobody asked for.
    pub fn mistakes(&self) -> Vec<Mistake> {
        let unknown =
            self.variables.iter().filter(|(name, value)| !self.asked.contains_key(*name) && !is_link(name, value));
        let unknown = unknown.map(|(name, _)| Mistake { name: name.clone(), text: self.unknown(name) });
        self.mistakes.iter().cloned().chain(unknown).collect()
    }

    /// Every variable that was asked for, and whether it was set.
    pub fn asked(&self) -> impl Iterator<Item = (&str, bool)> {
        self.asked.iter().map(|(name, set)| (name.as_str(), *set))
    }

    fn unknown(&self, name: &str) -> String {
        match near::nearest(name, self.asked.keys().map(String::as_str)) {
            Some(near) => format!("is not known to this service, did you mean {near}?"),
            None => "is not known to this service, expected only the variables that its README lists".to_owned(),
        }
    }

    /// `None` after a mistake, `Some(None)` when it is not set.
    fn text(&mut self, name: &str) -> Option<Option<String>> {
        debug_assert!(name.starts_with(PREFIX), "our variables begin with {PREFIX}, unlike {name}");
        let value = self.variables.get(name).cloned();
        self.asked.insert(name.to_owned(), value.is_some());
        let Some(value) = value else { return Some(None) };
        let text = value.into_string().ok();
        if text.is_none() {
            self.refuse(name, "is not text, expected UTF-8");
        }
        text.map(Some)
    }

    fn secret_text(&mut self, name: &str) -> Option<Option<String>> {
        let by_file = format!("{name}_FILE");
        let here = self.text(name)?;
        let Some(path) = self.text(&by_file)? else { return Some(here) };
        if here.is_some() {
            self.refuse(name, format!("is set together with {by_file}, expected one of the two"));
            return None;
        }
        match std::fs::read_to_string(&path) {
            Ok(text) if text.trim().is_empty() => {
                self.refuse(&by_file, format!("the file {path} is empty, expected a secret in it"));
                None
            }
            Ok(text) => Some(Some(text.trim_end_matches(['\r', '\n']).to_owned())),
            Err(error) => {
                self.refuse(&by_file, format!("the file {path} cannot be read ({error}), expected a secret in it"));
                None
            }
        }
    }

    fn parse<T>(&mut self, name: &str, text: &str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display> + 'static,
    {
        let error = match text.parse() {
            Ok(value) => return Some(value),
            Err(error) => error,
        };
        match expected::<T>() {
            Some(wanted) => self.refuse(name, format!("{} is refused ({error}), expected {wanted}", shown(text))),
            None => self.refuse(name, format!("{} is refused, {error}", shown(text))),
        }
        None
    }
}

/// A value as a complaint repeats it; what may hold a password is not repeated.
fn shown(text: &str) -> String {
    if text.contains('@') || text.len() > LONGEST_SHOWN { "the value".to_owned() } else { format!("{text:?}") }
}

fn read_url(text: &str, schemes: &[&str]) -> Option<Url> {
    Url::parse(text).ok().filter(|url| schemes.contains(&url.scheme()) && url.has_host())
}

fn an_address(schemes: &[&str]) -> String {
    format!(
        "an address that begins with {}",
        schemes.iter().map(|s| format!("{s}://")).collect::<Vec<_>>().join(" or ")
    )
}

/// Kubernetes puts the addresses of a namespace's services into every container; a release called `lyceum` makes them
/// look like ours.
fn is_link(name: &str, value: &OsString) -> bool {
    let address = value.to_str().is_some_and(|text| text.starts_with("tcp://") || text.starts_with("udp://"));
    let numbered = name.split("_PORT_").nth(1).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || numbered
        || (name.ends_with("_PORT") && address)
}

#[cfg(test)]
mod tests;
