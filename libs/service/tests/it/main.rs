//! The smallest service, its configuration, and its dead letters as an operator handles them.

use std::sync::Arc;

use bus::{Amqp, Consume, Consumer};
use pg::{Migrations, Pool};
use service::{Config, Env, Parts, Service};
use tonic::service::Routes;

/// A service that asks a neighbour and hears nothing.
struct Probe;

impl Service for Probe {
    const NAME: &'static str = "probe";
    const PORT: u16 = 9099;
    const NEIGHBOURS: &'static [&'static str] = &["LYCEUM_COURSES_URL"];

    type Config = ();
    type App = (Pool, values::SharedClock);

    fn migrations() -> Migrations {
        Migrations::of(&bus::MIGRATOR)
    }

    fn read(_: &mut Env) -> Option<()> {
        Some(())
    }

    fn build((): &(), parts: &Parts) -> anyhow::Result<Arc<Self::App>> {
        Ok(Arc::new((parts.db.clone(), parts.clock.clone())))
    }

    fn routes(_: &Arc<Self::App>) -> Routes {
        Routes::default()
    }

    fn consumer(app: &Arc<Self::App>, amqp: Amqp) -> impl Consume {
        Consumer::new(Self::NAME, app.0.clone(), amqp, Arc::clone(&app.1))
    }
}

const KEYS: &str = concat!(
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"gateway.1","#,
    r#""x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#
);

fn env(more: &[(&'static str, &'static str)]) -> Env {
    let complete = [
        ("LYCEUM_DATABASE_URL", "postgres://u:p@localhost/probe"),
        ("LYCEUM_AMQP_URL", "amqp://u:p@localhost/%2f"),
        ("LYCEUM_ISSUER", "http://localhost:8080"),
        ("LYCEUM_SERVICE_KEY", "MFMCAQEw"),
        ("LYCEUM_SERVICE_KEYS", KEYS),
        ("LYCEUM_USERS_URL", "http://localhost:9010"),
        ("LYCEUM_COURSES_URL", "http://localhost:9020"),
    ];
    Env::of(
        complete
            .into_iter()
            .filter(|(name, _)| !more.iter().any(|(other, _)| name == other))
            .chain(more.iter().copied()),
    )
}

#[test]
fn a_complete_configuration_is_read() {
    let mut env = env(&[("LYCEUM_DATABASE_CONNECTIONS", "3")]);
    let config = Config::read::<Probe>(&mut env);
    assert_eq!(env.mistakes(), []);
    let config = config.unwrap();
    assert_eq!((config.grpc_listen.port(), config.database.max_connections), (9099, 3));
    assert_eq!(config.database.application_name, "probe");
}

#[test]
fn every_mistake_is_named_and_no_secret_is_shown() {
    let mut env = env(&[
        ("LYCEUM_DATABASE_URL", "mysql://u:hunter2@localhost/probe"),
        ("LYCEUM_AMQP_URL", ""),
        ("LYCEUM_SERVICE_KEY", ""),
        ("LYCEUM_USERS_URL", "users:9010"),
        ("LYCEUM_COURSES_URL", ""),
    ]);
    assert!(Config::read::<Probe>(&mut env).is_none());
    let mistakes: Vec<String> = env.mistakes().iter().map(ToString::to_string).collect();
    let wrong =
        ["LYCEUM_DATABASE_URL", "LYCEUM_AMQP_URL", "LYCEUM_SERVICE_KEY", "LYCEUM_USERS_URL", "LYCEUM_COURSES_URL"];
    assert_eq!(mistakes.len(), wrong.len(), "{mistakes:?}");
    for name in wrong {
        assert!(mistakes.iter().any(|mistake| mistake.starts_with(&format!("{name}:"))), "{name} in {mistakes:?}");
    }
    assert!(!mistakes.concat().contains("hunter2"));
}
