//! The nine kinds of refusal and the one table that gives each its gRPC code and HTTP status.

use http::StatusCode;
use tonic::Code;

/// What sort of refusal it is: all that a machine needs to know to react.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request itself is wrong, whatever the state of the world: correct it before sending it again.
    Invalid,
    /// Nobody, or nobody we can believe, is asking: sign in and ask again.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// There is no such thing, or none that the caller may know of.
    NotFound,
    /// The state of the world forbids it: the thing is not in the state that this needs, somebody else was first, or the
    /// same request is still running. Read again and decide again.
    Conflict,
    /// The etag that came with the request is not the present one: somebody changed the thing since it was read.
    Stale,
    /// The caller has used up a limit: slow down.
    TooMany,
    /// We cannot answer at the moment: try again later.
    Unavailable,
    /// We made a mistake.
    Internal,
}

/// A line of the table.
struct Row {
    code: Code,
    http: StatusCode,
    reason: &'static str,
    message: &'static str,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Invalid,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::NotFound,
        Self::Conflict,
        Self::Stale,
        Self::TooMany,
        Self::Unavailable,
        Self::Internal,
    ];

    const fn row(self) -> Row {
        let (code, http, reason, message) = match self {
            Self::Invalid => (Code::InvalidArgument, StatusCode::BAD_REQUEST, "INVALID", "The request is not valid."),
            Self::Unauthenticated => {
                (Code::Unauthenticated, StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "Sign in to do this.")
            }
            Self::Forbidden => (Code::PermissionDenied, StatusCode::FORBIDDEN, "FORBIDDEN", "You may not do this."),
            Self::NotFound => (Code::NotFound, StatusCode::NOT_FOUND, "NOT_FOUND", "There is nothing here."),
            Self::Conflict => (
                Code::FailedPrecondition,
                StatusCode::CONFLICT,
                "CONFLICT",
                "This is not possible in the present state: read it again.",
            ),
            Self::Stale => (
                Code::Aborted,
                StatusCode::PRECONDITION_FAILED,
                "STALE",
                "This was changed since you read it: read it again.",
            ),
            Self::TooMany => {
                (Code::ResourceExhausted, StatusCode::TOO_MANY_REQUESTS, "TOO_MANY", "Too many requests: slow down.")
            }
            Self::Unavailable => (
                Code::Unavailable,
                StatusCode::SERVICE_UNAVAILABLE,
                "UNAVAILABLE",
                "This is not available at the moment: try again shortly.",
            ),
            Self::Internal => {
                (Code::Internal, StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "Something went wrong on our side.")
            }
        };
        Row { code, http, reason, message }
    }

    /// The gRPC code.
    pub const fn code(self) -> Code {
        self.row().code
    }

    /// The HTTP status.
    pub const fn http(self) -> StatusCode {
        self.row().http
    }

    /// The reason of a refusal that names none.
    pub const fn reason(self) -> &'static str {
        self.row().reason
    }

    /// What the customer reads where the refusal's own text must not leave, or there is none.
    pub const fn message(self) -> &'static str {
        self.row().message
    }

    /// Whether the refusal's text is for the operator's log only.
    pub const fn is_ours(self) -> bool {
        matches!(self, Self::Unavailable | Self::Internal)
    }

    /// The kind behind a gRPC code. Codes that we never send ourselves come from the transport or from foreign servers.
    pub fn of(code: Code) -> Self {
        match code {
            Code::OutOfRange => Self::Invalid,
            Code::AlreadyExists => Self::Conflict,
            Code::DeadlineExceeded | Code::Cancelled => Self::Unavailable,
            known => Self::ALL.into_iter().find(|kind| kind.code() == known).unwrap_or(Self::Internal),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_promised_one() {
        // gRPC has ABORTED for an etag that does not match, and FAILED_PRECONDITION for the wrong state; HTTP has 412 for the
        // header If-Match alone, and 409 for the state.
        let table = Kind::ALL.map(|kind| (i32::from(kind.code()), kind.http().as_u16()));
        let promised = [(3, 400), (16, 401), (7, 403), (5, 404), (9, 409), (10, 412), (8, 429), (14, 503), (13, 500)];
        assert_eq!(table, promised);
    }

    #[test]
    fn every_kind_survives_the_wire() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(kind.code()), kind);
        }
    }

    #[test]
    fn codes_of_others_find_the_nearest_kind() {
        for (code, kind) in [
            (Code::OutOfRange, Kind::Invalid),
            (Code::AlreadyExists, Kind::Conflict),
            (Code::DeadlineExceeded, Kind::Unavailable),
            (Code::Cancelled, Kind::Unavailable),
            (Code::Unimplemented, Kind::Internal),
            (Code::Unknown, Kind::Internal),
            (Code::DataLoss, Kind::Internal),
        ] {
            assert_eq!(Kind::of(code), kind);
        }
    }
}
