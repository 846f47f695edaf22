//! What this service is configured with beside what all have in common.

use lettre::message::Mailbox;
use service::{Authority, Env, SecretString};
use url::Url;

#[derive(Debug, Clone)]
pub struct Config {
    /// The mail server, with user and password.
    pub smtp_url: SecretString,
    /// Who vouches for the mail server.
    pub smtp_authority: Option<Authority>,
    /// Who the mails are from.
    pub mail_from: Mailbox,
    /// What the school is called in the mails.
    pub school: String,
    /// Where the mails lead to.
    pub public_url: Url,
}

impl Config {
    /// Reads the variables that the README lists. `None` after a mistake, which `env` remembers.
    pub fn read(env: &mut Env) -> Option<Self> {
        let smtp_url = env.secret_url("LYCEUM_SMTP_URL", &["smtp", "smtps"]);
        let smtp_authority = env.authority("LYCEUM_SMTP_CA_FILE");
        let mail_from = env.required::<Mailbox>("LYCEUM_MAIL_FROM");
        let school = env.or("LYCEUM_SCHOOL_NAME", "Lyceum".to_owned());
        let public_url = env.url("LYCEUM_PUBLIC_URL", &["http", "https"]);
        Some(Self {
            smtp_url: smtp_url?,
            smtp_authority: smtp_authority?,
            mail_from: mail_from?,
            school: school?,
            public_url: public_url?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complete_configuration_is_read() {
        let mut env = Env::of([
            ("LYCEUM_SMTP_URL", "smtp://localhost:2525"),
            ("LYCEUM_MAIL_FROM", "Lyceum <no-reply@school.example>"),
            ("LYCEUM_PUBLIC_URL", "http://localhost:8080"),
        ]);
        let config = Config::read(&mut env);
        assert_eq!(env.mistakes(), []);
        assert_eq!(config.unwrap().mail_from.email.domain(), "school.example");
    }

    #[test]
    fn every_mistake_is_named_and_no_secret_is_shown() {
        let mut env = Env::of([("LYCEUM_SMTP_URL", "http://u:hunter2@localhost"), ("LYCEUM_MAIL_FROM", "nobody")]);
        assert!(Config::read(&mut env).is_none());
        let mistakes: Vec<String> = env.mistakes().iter().map(ToString::to_string).collect();
        for name in ["LYCEUM_SMTP_URL", "LYCEUM_MAIL_FROM", "LYCEUM_PUBLIC_URL"] {
            assert!(mistakes.iter().any(|mistake| mistake.starts_with(name)), "{name} in {mistakes:?}");
        }
        assert!(!mistakes.concat().contains("hunter2"));
    }
}
