//! How a call of the object store fails.

use reqwest::StatusCode;

/// Why the store did not do it. Without the address, which is signed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such object, or no such upload in parts.
    #[error("there is no such object")]
    Absent,
    /// It is not the writing of the object that was looked at.
    #[error("the object was written again meanwhile")]
    Changed,
    /// It is busy or broken, and may do it later: 429, 5xx.
    #[error("the store answered {0}")]
    Busy(StatusCode),
    #[error("the store cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    /// It will not do it, however often it is asked.
    #[error("the store answered {status} {code}")]
    Refused { status: StatusCode, code: String },
    #[error("the store's answer cannot be read: {0}")]
    Unreadable(String),
}

impl Error {
    /// The name in metrics.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Changed => "changed",
            Self::Busy(_) => "busy",
            Self::Unreachable(_) => "unreachable",
            Self::Refused { .. } => "refused",
            Self::Unreadable(_) => "unreadable",
        }
    }

    /// Whether asking again later may help.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Unreachable(_) | Self::Changed)
    }
}

impl From<reqwest::Error> for Error {
    fn from(error: reqwest::Error) -> Self {
        Self::Unreachable(error.without_url())
    }
}

/// The `Code` of the store's error, such as `NoSuchUpload`: a few letters, whatever else it says.
pub(super) fn code(body: &str) -> String {
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code);
    code.chars().filter(char::is_ascii_alphanumeric).take(60).collect()
}
