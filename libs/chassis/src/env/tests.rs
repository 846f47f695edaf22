use std::net::SocketAddr;

use secrecy::ExposeSecret;

use super::*;

fn complaints(env: &Env) -> Vec<String> {
    env.mistakes().iter().map(Mistake::to_string).collect()
}

#[test]
fn what_is_set_is_read_and_the_rest_takes_its_default() {
    let mut env = Env::of([("LYCEUM_PORTS", "1, 2,3"), ("LYCEUM_WAIT", "250ms"), ("LYCEUM_EMPTY", "")]);
    assert_eq!(env.list::<u16>("LYCEUM_PORTS"), Some(vec![1, 2, 3]));
    assert_eq!(env.duration("LYCEUM_WAIT", Duration::ZERO), Some(Duration::from_millis(250)));
    assert_eq!(env.or("LYCEUM_EMPTY", 7_u16), Some(7));
    assert_eq!(env.optional::<u16>("LYCEUM_ABSENT"), Some(None));
    assert_eq!(env.choice("LYCEUM_CHOICE", &[("a", 1), ("b", 2)]), Some(1));
    assert!(env.mistakes().is_empty());
}

#[test]
fn every_mistake_is_told_at_once_with_what_is_expected() {
    let mut env = Env::of([
        ("LYCEUM_GRPC_LISTEN", "7001"),
        ("LYCEUM_WAIT", "5 s"),
        ("LYCEUM_FORMAT", "xml"),
        ("LYCEUM_USERS_URL", "ftp://users"),
        ("LYCEUM_PORTS", "1,b,c"),
    ]);
    assert_eq!(env.required::<SocketAddr>("LYCEUM_GRPC_LISTEN"), None);
    assert_eq!(env.required::<u16>("LYCEUM_ABSENT"), None);
    assert_eq!(env.duration("LYCEUM_WAIT", Duration::ZERO), None);
    assert_eq!(env.choice("LYCEUM_FORMAT", &[("json", 1), ("text", 2)]), None);
    assert_eq!(env.url("LYCEUM_USERS_URL", &["http", "https"]), None);
    assert_eq!(env.list::<u16>("LYCEUM_PORTS"), None);
    assert!(env.secret("LYCEUM_KEY").is_none());
    assert_eq!(
        complaints(&env),
        [
            "LYCEUM_GRPC_LISTEN: \"7001\" is refused (invalid socket address syntax), expected an address and a port, such as 127.0.0.1:7001",
            "LYCEUM_ABSENT: is not set, expected a whole number that is not negative",
            "LYCEUM_WAIT: \"5 s\" is refused, expected a whole number and a unit, such as 250ms, 5s, 10m, 1h or 7d",
            "LYCEUM_FORMAT: \"xml\" is refused, expected one of json, text",
            "LYCEUM_USERS_URL: \"ftp://users\" is refused, expected an address that begins with http:// or https://",
            "LYCEUM_PORTS: \"b\" is refused (invalid digit found in string), expected a whole number that is not negative",
            "LYCEUM_PORTS: \"c\" is refused (invalid digit found in string), expected a whole number that is not negative",
            "LYCEUM_KEY: is not set, expected a secret, here or in the file that LYCEUM_KEY_FILE names",
        ]
    );
}

#[test]
fn an_unknown_variable_is_refused_and_the_nearest_name_offered() {
    let mut env = Env::of([("LYCEUM_DATABSE_URL", "x"), ("LYCEUM_SOMETHING_ELSE", "x"), ("PATH", "x")]);
    env.optional_secret("LYCEUM_DATABASE_URL");
    assert_eq!(
        complaints(&env),
        [
            "LYCEUM_DATABSE_URL: is not known to this service, did you mean LYCEUM_DATABASE_URL?",
            "LYCEUM_SOMETHING_ELSE: is not known to this service, expected only the variables that its README lists",
        ]
    );
}

#[test]
fn the_links_that_kubernetes_adds_are_not_mistakes() {
    let env = Env::of([
        ("LYCEUM_USERS_SERVICE_HOST", "10.0.0.1"),
        ("LYCEUM_USERS_SERVICE_PORT_GRPC", "7001"),
        ("LYCEUM_USERS_PORT", "tcp://10.0.0.1:7001"),
        ("LYCEUM_USERS_PORT_7001_TCP_ADDR", "10.0.0.1"),
    ]);
    assert_eq!(env.mistakes(), []);
}

#[test]
fn a_secret_comes_from_the_variable_or_from_a_file_but_not_from_both() {
    let file = std::env::temp_dir().join(format!("chassis-secret-{}", std::process::id()));
    std::fs::write(&file, "from the file\n").unwrap();
    let path = file.to_str().unwrap();

    let mut env = Env::of([("LYCEUM_KEY_FILE", path), ("LYCEUM_BOTH", "x"), ("LYCEUM_BOTH_FILE", path)]);
    assert_eq!(env.secret("LYCEUM_KEY").unwrap().expose_secret(), "from the file");
    assert!(env.secret("LYCEUM_BOTH").is_none());
    std::fs::remove_file(&file).unwrap();
    assert!(env.secret("LYCEUM_KEY").is_none());

    let complaints = complaints(&env);
    assert_eq!(complaints[0], "LYCEUM_BOTH: is set together with LYCEUM_BOTH_FILE, expected one of the two");
    assert!(complaints[1].starts_with("LYCEUM_KEY_FILE: the file ") && complaints[1].contains("cannot be read"));
}

#[test]
fn no_complaint_and_no_debug_text_of_a_value_shows_a_secret() {
    let hidden = "hunter2";
    let address = format!("postgres://lms:{hidden}@db/lms");
    let mut env =
        Env::of([("LYCEUM_DATABASE_URL", address.as_str()), ("LYCEUM_USERS_URL", &address), ("LYCEUM_KEY", hidden)]);
    assert!(env.secret_url("LYCEUM_DATABASE_URL", &["mysql"]).is_none());
    assert!(env.url("LYCEUM_USERS_URL", &["http"]).is_none());
    assert!(env.secret_as("LYCEUM_KEY", "32 bytes in base64", |_| None::<()>).is_none());
    let shown = env.secret("LYCEUM_KEY");
    assert_eq!(env.mistakes().len(), 3);
    assert!(!complaints(&env).join("\n").contains(hidden));
    assert!(!format!("{shown:?}").contains(hidden));
}

#[test]
fn lengths_of_time_are_read_exactly() {
    for (text, milliseconds) in
        [("0", 0), ("0s", 0), ("15ms", 15), ("2m", 120_000), ("1h", 3_600_000), ("7d", 604_800_000)]
    {
        assert_eq!(duration::parse(text), Some(Duration::from_millis(milliseconds)), "{text}");
    }
    for text in ["", "5", "s", "1.5s", "-1s", "5S", "99999999999999999999s", "18446744073709551615d"] {
        assert_eq!(duration::parse(text), None, "{text}");
    }
}
