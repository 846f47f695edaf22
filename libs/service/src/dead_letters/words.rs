//! What is said after `dead-letters`.

use anyhow::{Context, Result, bail, ensure};
use bus::dead_letter::Choice;

use super::print::Format;

pub(super) const USAGE: &str = "expected one of
    dead-letters [list] [--type TYPE] [--json]                  what was given up, and why
    dead-letters show ID… --by NAME [--json]                    what is in it; may be personal
    dead-letters replay ID…|--type TYPE|--all --by NAME         send it back to its queue
    dead-letters drop ID…|--type TYPE|--all --by NAME           throw it away for good
    dead-letters log [--json]                                   who did what of these three";

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    List,
    Show,
    Replay,
    Drop,
    Log,
}

impl Action {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Show => "show",
            Self::Replay => "replay",
            Self::Drop => "drop",
            Self::Log => "log",
        }
    }

    fn needs_a_name(self) -> bool {
        matches!(self, Self::Show | Self::Replay | Self::Drop)
    }
}

/// The words, understood.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) action: Action,
    pub(super) choice: Choice,
    pub(super) by: String,
    pub(super) format: Format,
}

impl Words {
    pub(super) fn read(words: &[&str]) -> Result<Self> {
        let all = [Action::List, Action::Show, Action::Replay, Action::Drop, Action::Log];
        let named = words.first().and_then(|word| all.into_iter().find(|action| action.as_str() == *word));
        let (action, mut rest) = match named {
            Some(action) => (action, words[1..].iter()),
            None => (Action::List, words.iter()),
        };
        let (mut choice, mut everything, mut by, mut format) = (Choice::default(), false, None, Format::Text);
        while let Some(word) = rest.next() {
            let mut value = || rest.next().map(ToString::to_string).with_context(|| format!("{word} needs a value"));
            match *word {
                "--json" => format = Format::Json,
                "--all" => everything = true,
                "--by" => by = Some(value()?),
                "--type" => choice.kind = Some(value()?),
                id if action.needs_a_name() && !id.starts_with('-') => choice.ids.push(id.to_owned()),
                other => bail!("{other} is not understood, {USAGE}"),
            }
        }
        let chosen = [everything, choice.kind.is_some(), !choice.ids.is_empty()].into_iter().filter(|one| *one).count();
        match action {
            Action::List => ensure!(!everything && by.is_none(), "list takes no --all and no --by, {USAGE}"),
            Action::Log => ensure!(chosen == 0 && by.is_none(), "log takes nothing but --json, {USAGE}"),
            _ => ensure!(chosen == 1, "it is not clear which dead letters are meant, {USAGE}"),
        }
        if action.needs_a_name() {
            let named = by.as_ref().is_some_and(|by| !by.trim().is_empty());
            ensure!(named, "{} is noted with a name: say who you are, as in --by anna", action.as_str());
        }
        Ok(Self { action, choice, by: by.unwrap_or_default(), format })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<Words> {
        Words::read(&words.split_whitespace().collect::<Vec<_>>())
    }

    #[test]
    fn no_word_means_a_list() {
        for words in ["", "list", "--json", "list --json", "list --type lyceum.events.v1.OrderPaid"] {
            assert_eq!(read(words).unwrap().action, Action::List, "{words}");
        }
        assert_eq!(read("--json").unwrap().format, Format::Json);
    }

    #[test]
    fn who_shows_or_changes_something_says_who_and_which() {
        let words = read("drop a b --by anna").unwrap();
        assert_eq!((words.action, words.by.as_str()), (Action::Drop, "anna"));
        assert_eq!(words.choice.ids, ["a", "b"]);
        assert_eq!(read("replay --all --by anna").unwrap().choice, Choice::default());
        assert_eq!(read("drop --type x --by anna").unwrap().choice.kind.as_deref(), Some("x"));
        for wrong in [
            "drop a",
            "drop --by anna",
            "replay --by anna",
            "replay a --all --by anna",
            "show",
            "show a",
            "show a --by",
            "list a",
            "list --all",
            "log a",
            "log --by anna",
            "discard a --by anna",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
