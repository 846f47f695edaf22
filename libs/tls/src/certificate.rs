//! What must be known of a certificate besides what rustls checks: from when until when it is good.

use time::OffsetDateTime;
use x509_parser::prelude::{FromDer, X509Certificate};

pub(crate) struct Validity {
    pub(crate) from: OffsetDateTime,
    pub(crate) until: OffsetDateTime,
}

/// `None` for what is no certificate.
pub(crate) fn validity(der: &[u8]) -> Option<Validity> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    Some(Validity { from: validity.not_before.to_datetime(), until: validity.not_after.to_datetime() })
}
