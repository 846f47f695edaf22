//! The idempotency key as a caller sends it. What is done with it lives in `pg`.

use crate::Invalid;
use values::IdempotencyKey;

/// The metadata name of the key.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The key that came with a request, if any. A key in a shape that we do not take refuses the request, rather than be
/// ignored.
pub fn idempotency_key<T>(request: &tonic::Request<T>) -> Result<Option<IdempotencyKey>, Invalid> {
    let Some(sent) = request.metadata().get(IDEMPOTENCY_KEY) else { return Ok(None) };
    match IdempotencyKey::parse(sent.to_str().unwrap_or_default()) {
        Ok(key) => Ok(Some(key)),
        Err(error) => Err(Invalid::field("idempotency_key", error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_and_a_bad_one_refused() {
        let mut request = tonic::Request::new(());
        assert_eq!(idempotency_key(&request), Ok(None));
        request.metadata_mut().insert(IDEMPOTENCY_KEY, "order-0001".parse().unwrap());
        assert_eq!(idempotency_key(&request).unwrap().unwrap().as_str(), "order-0001");
        request.metadata_mut().insert(IDEMPOTENCY_KEY, "short".parse().unwrap());
        assert!(idempotency_key(&request).is_err());
    }
}
