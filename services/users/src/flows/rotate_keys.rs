//! The clockwork does with the signing keys what the law plans, and takes what the database has into the keyring.
//!
//! Safe with several replicas: they plan one after the other, and each finds what the one before has done.

use anyhow::Context;
use sqlx::PgConnection;
use time::OffsetDateTime;

use crate::{
    app::App,
    domain::{
        audit::{Action, Requester},
        signing_key::{State, Step, plan},
    },
    error::{Error, Result},
    store,
};

pub async fn run(app: &App) -> Result<()> {
    let now = app.clock.now();
    let keys = pg::transaction(&app.db, async |conn| {
        store::signing_keys::lock(conn).await?;
        let keys = store::signing_keys::all(conn).await?;
        let states: Vec<_> = keys.iter().map(|key| (key.name.clone(), key.state)).collect();
        let steps = plan(&states, &app.key_policy, now);
        for step in &steps {
            take(app, conn, step, now).await?;
        }
        if steps.is_empty() { Ok::<_, Error>(keys) } else { Ok(store::signing_keys::all(conn).await?) }
    })
    .await?;
    app.keyring.load(&keys, &app.vault).context("the signing keys cannot be used")?;
    Ok(())
}

async fn take(app: &App, conn: &mut PgConnection, step: &Step, now: OffsetDateTime) -> Result<()> {
    match step {
        Step::CreateActive => {
            let key = app.keyring.generate(&app.vault, State::Active { since: now })?;
            store::signing_keys::insert(conn, &key, now).await?;
            log(conn, "created to sign at once", &key.name, now).await
        }
        Step::CreateNext => {
            let key = app.keyring.generate(&app.vault, State::Next { since: now })?;
            store::signing_keys::insert(conn, &key, now).await?;
            log(conn, "published to sign later", &key.name, now).await
        }
        Step::Promote { next, active } => {
            let until = now + app.key_policy.tail;
            store::signing_keys::set_state(conn, active, State::Retired { until }, now).await?;
            store::signing_keys::set_state(conn, next, State::Active { since: now }, now).await?;
            log(conn, "signs from now on", next, now).await
        }
        Step::Forget(name) => {
            store::signing_keys::delete(conn, name).await?;
            log(conn, "deleted", name, now).await
        }
    }
}

async fn log(conn: &mut PgConnection, what: &str, key: &str, now: OffsetDateTime) -> Result<()> {
    tracing::info!(key, "Signing key {key}: {what}.");
    let details = [("key", key.to_owned()), ("what", what.to_owned())];
    store::audit::append(conn, &Requester::the_service(), Action::KeyRotated, None, &details, now).await?;
    Ok(())
}
