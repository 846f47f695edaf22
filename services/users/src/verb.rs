//! What an operator does at the command line: `users create-user --email … --role … --password-stdin`, or `--password-file` where
//! nobody can type, as in a Job.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead, BufReader},
};

use anyhow::{Context, bail};
use values::{Language, TimeZone};

use crate::{
    app::App,
    domain::{
        email::EmailAddress,
        password::NewPassword,
        profile::{DisplayName, Profile},
        role::{Role, Roles},
    },
    flows::create_user::{self, CreateUser, Created},
};

/// Creates a confirmed account, unless there is one.
pub const CREATE_USER: &str = "create-user";

const USAGE: &str = "usage: users create-user --email ADDRESS --role ROLE [--role ROLE…] [--display-name NAME] \
                     [--language ru|en] [--time-zone IANA-NAME] --password-stdin | --password-file PATH";

/// Does what the command line says.
pub async fn run(app: &App, words: &[&str]) -> anyhow::Result<()> {
    let command = read(&words[1..], &mut io::stdin().lock()).context(USAGE)?;
    let email = command.email.clone();
    match create_user::run(app, command).await? {
        Created::New(user) => println!("created {} {user}", email.as_str()),
        Created::Found(user) => println!("found {} {user}", email.as_str()),
    }
    Ok(())
}

/// Reads the words after the verb, and the password from the first line of `input` or of a file.
fn read(words: &[&str], input: &mut impl BufRead) -> anyhow::Result<CreateUser> {
    let mut options: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut words = words.iter().copied();
    while let Some(option) = words.next() {
        let value = match option {
            "--password-stdin" => "",
            "--email" | "--role" | "--display-name" | "--language" | "--time-zone" | "--password-file" => {
                words.next().with_context(|| format!("{option} needs a value"))?
            }
            _ => bail!("{option} is not known"),
        };
        options.entry(option).or_default().push(value);
    }
    let once = |option: &str| -> anyhow::Result<Option<&str>> {
        match options.get(option).map(Vec::as_slice) {
            None => Ok(None),
            Some([value]) => Ok(Some(*value)),
            Some(_) => bail!("{option} is given more than once"),
        }
    };
    let email = EmailAddress::parse(once("--email")?.context("--email is missing")?).context("--email")?;
    let roles = options.get("--role").context("--role is missing")?;
    let roles: Roles = roles.iter().map(|role| role.parse::<Role>()).collect::<Result<_, _>>().context("--role")?;
    let name = once("--display-name")?.or_else(|| email.as_str().split('@').next()).unwrap_or_default();
    let profile = Profile {
        display_name: DisplayName::parse(name).context("--display-name")?,
        language: once("--language")?.unwrap_or("ru").parse::<Language>().context("--language")?,
        time_zone: TimeZone::parse(once("--time-zone")?.unwrap_or("Europe/Moscow")).context("--time-zone")?,
    };
    // Never from the command line, which every process on the machine can read.
    let mut line = String::new();
    match (once("--password-stdin")?, once("--password-file")?) {
        (Some(_), None) => {
            input.read_line(&mut line).context("the password cannot be read")?;
        }
        (None, Some(path)) => {
            let file = fs::File::open(path).with_context(|| format!("--password-file {path} cannot be opened"))?;
            BufReader::new(file).read_line(&mut line).context("the password cannot be read")?;
        }
        (None, None) => bail!("--password-stdin or --password-file is missing"),
        (Some(_), Some(_)) => bail!("the password comes from --password-stdin or from --password-file, not from both"),
    }
    let password = NewPassword::parse(line.trim_end_matches(['\r', '\n'])).and_then(|it| it.not_containing(&email));
    Ok(CreateUser { email, password: password.context("the password")?, profile, roles })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<&str> {
        line.split(' ').collect()
    }

    #[test]
    fn a_user_is_described_by_options_and_the_password_by_standard_input() {
        let line = "--email anna@example.com --role tutor --role learner --language en --password-stdin";
        let command = read(&words(line), &mut "a long secret\n".as_bytes()).unwrap();
        assert_eq!(command.email.as_str(), "anna@example.com");
        assert_eq!(command.roles.to_string(), "learner tutor");
        assert_eq!(command.profile.display_name.as_str(), "anna");
        assert_eq!(command.profile.language, Language::English);
    }

    #[test]
    fn a_password_is_read_from_a_file_as_well() {
        let path = std::env::temp_dir().join(format!("lyceum-password-{}", std::process::id()));
        std::fs::write(&path, "a long secret\n").unwrap();
        let line = format!("--email anna@example.com --role admin --password-file {}", path.display());
        assert!(read(&words(&line), &mut "".as_bytes()).is_ok());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_is_missing_wrong_or_unknown_is_named() {
        for (line, password, named) in [
            ("--role admin --password-stdin", "a long secret", "--email"),
            ("--email anna@example.com --password-stdin", "a long secret", "--role"),
            ("--email anna@example.com --role boss --password-stdin", "a long secret", "--role"),
            ("--email anna@example.com --role admin", "a long secret", "--password-stdin"),
            ("--email anna@example.com --role admin --password-stdin", "short", "password"),
            ("--email anna@example.com --role admin --password secret", "", "--password"),
            ("--email anna@example.com --role admin --password-file /nowhere", "", "/nowhere"),
            (
                "--email anna@example.com --role admin --password-file /nowhere --password-stdin",
                "a long secret",
                "both",
            ),
            ("--email", "", "--email"),
        ] {
            let refused = read(&words(line), &mut password.as_bytes()).unwrap_err();
            assert!(format!("{refused:#}").contains(named), "{line}: {refused:#}");
        }
    }
}
