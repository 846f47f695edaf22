//! A database whose certificate is from an authority of its own.

use pg::{Config, Migrations, connect};
use testkit::{Authority, Begins, Issued, Mounted, encrypted};

use crate::helpers::database;

#[tokio::test]
async fn a_database_is_believed_by_the_authority_that_vouches_for_it_and_by_its_name() {
    let database = database().await;
    let (authority, other) = (Authority::new(), Authority::new());
    let (named, misnamed) = (authority.issue(&["localhost"]), authority.issue(&["elsewhere"]));
    let select = async |issued: &Issued, pem: &str| {
        let url = encrypted(&database.url, issued, Begins::WhenAsked).await;
        let mounted = Mounted::new(issued, pem);
        // What the address says about encryption does not matter then.
        let mut config = Config::new(format!("{url}?sslmode=disable"), "test");
        config.authority = Some(mounted.file("ca.crt"));
        Migrations::of(&pg::MIGRATOR).run(&config).await.ok()?;
        let pool = connect(&config).await.unwrap();
        sqlx::query("select 1").execute(&pool).await.ok()
    };
    assert!(select(&named, authority.pem()).await.is_some());
    assert!(select(&named, other.pem()).await.is_none(), "another authority vouches for nothing");
    assert!(select(&misnamed, authority.pem()).await.is_none(), "another server's certificate proves nothing");
}
