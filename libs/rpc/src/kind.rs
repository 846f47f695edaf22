//! The one table that gives each of the nine kinds of refusal its gRPC code and HTTP status.

use http::StatusCode;
use tonic::Code;
use values::refusal::Kind;

/// How a kind of refusal travels.
pub trait KindOnWire {
    /// The gRPC code.
    fn code(self) -> Code;

    /// The HTTP status.
    fn http(self) -> StatusCode;

    /// The kind behind a gRPC code. Codes that we never send ourselves come from the transport or from foreign servers.
    fn of(code: Code) -> Self;
}

const fn row(kind: Kind) -> (Code, StatusCode) {
    match kind {
        Kind::Invalid => (Code::InvalidArgument, StatusCode::BAD_REQUEST),
        Kind::Unauthenticated => (Code::Unauthenticated, StatusCode::UNAUTHORIZED),
        Kind::Forbidden => (Code::PermissionDenied, StatusCode::FORBIDDEN),
        Kind::NotFound => (Code::NotFound, StatusCode::NOT_FOUND),
        Kind::Conflict => (Code::FailedPrecondition, StatusCode::CONFLICT),
        Kind::Stale => (Code::Aborted, StatusCode::PRECONDITION_FAILED),
        Kind::TooMany => (Code::ResourceExhausted, StatusCode::TOO_MANY_REQUESTS),
        Kind::Unavailable => (Code::Unavailable, StatusCode::SERVICE_UNAVAILABLE),
        Kind::Internal => (Code::Internal, StatusCode::INTERNAL_SERVER_ERROR),
    }
}

impl KindOnWire for Kind {
    fn code(self) -> Code {
        row(self).0
    }

    fn http(self) -> StatusCode {
        row(self).1
    }

    fn of(code: Code) -> Self {
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
        // gRPC has ABORTED for an etag that does not match, and FAILED_PRECONDITION for the wrong state; HTTP has 412
        // for the header If-Match alone, and 409 for the state.
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
