//! What nobody asks for any more is deleted, and nothing else.

use proto::lyceum::users::v1::{RefreshSessionRequest, ResendCodeRequest};
use time::Duration;
use users::flows;
use values::Clock;

use crate::helpers::{School, keyed, registration};

async fn count(school: &School, table: &str) -> i64 {
    let rows = format!("select count(*) from {table}");
    sqlx::query_scalar(sqlx::AssertSqlSafe(rows)).fetch_one(&school.db.pool).await.unwrap()
}

/// What the service and the wiring delete.
async fn sweep(school: &School) {
    flows::sweep::run(&school.app).await.unwrap();
    pg::idempotency::sweep(&school.app.db, school.clock.now()).await.unwrap();
}

#[tokio::test]
async fn old_sessions_codes_counters_and_keys_go_and_fresh_ones_stay() {
    let school = School::open().await;
    let anna = school.person("anna").await;
    school.sign_in(&anna).await;
    school.auth().register(keyed("registration-1", registration("old@example.com"))).await.unwrap();
    school.auth().resend_code(ResendCodeRequest { email: "old@example.com".into() }).await.unwrap();
    let old = ["sessions", "refresh_tokens", "codes", "throttles", "idempotency"];
    for table in old {
        assert!(count(&school, table).await > 0, "{table}");
    }
    sweep(&school).await;
    for table in old {
        assert!(count(&school, table).await > 0, "{table} is young");
    }

    school.clock.advance(Duration::days(38));
    let fresh = school.sign_in(&anna).await;
    sweep(&school).await;
    let left = [count(&school, "sessions").await, count(&school, "refresh_tokens").await];
    assert_eq!(left, [1, 1]);
    for table in ["codes", "throttles", "idempotency"] {
        assert_eq!(count(&school, table).await, 0, "{table}");
    }
    let refresh = RefreshSessionRequest { refresh_token: fresh.refresh_token };
    school.auth().refresh_session(refresh).await.unwrap();
    assert_eq!(count(&school, "users").await, 2);
}
