//! A store whose certificate is from an authority of its own.

use std::sync::Arc;

use documents::bucket::{self, Bucket};
use testkit::{Authority, Begins, encrypted, stores};
use values::SystemClock;

use crate::helpers::store_at;

#[tokio::test]
async fn an_encrypted_store_is_believed_by_its_authority_only() {
    // Before any connection, as the chassis does.
    let _ = testkit::http();
    let (school, s3) = (testkit::Bucket::new().await, &stores().s3);
    let (authority, other) = (Authority::new(), Authority::new());
    let url = encrypted(&s3.url, &authority.issue(&["localhost"]), Begins::AtOnce).await.replacen("http", "https", 1);
    let trusting = |pem: Option<&str>| {
        let config = store_at(&url, &school.name, (&s3.access_key, &s3.secret_key, &s3.region));
        let config = bucket::Config { authority: pem.map(str::to_owned), ..config };
        Bucket::new(&config, Arc::new(SystemClock)).unwrap()
    };
    trusting(Some(authority.pem())).put("media/1", "text/plain", b"hello".to_vec()).await.unwrap();
    assert_eq!(school.objects().await, ["media/1"]);
    for pem in [None, Some(other.pem())] {
        let refused = trusting(pem).look("media/1").await;
        assert!(matches!(refused, Err(bucket::Error::Unreachable(_))), "{refused:?}");
    }
}
