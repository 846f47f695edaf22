//! What an operator with a wrong configuration is told.

use super::helpers::run;

#[test]
fn a_wrong_configuration_ends_with_2_and_lists_every_mistake() {
    let wrong = [
        ("LYCEUM_GRPC_LISTEN", "7001"),
        ("LYCEUM_SLOW", "soon"),
        ("LYCEUM_LOG_FORMAT", "xml"),
        ("LYCEUM_LOG", "verbose=loud"),
        ("LYCEUM_TRACE_RATIO", "7"),
        ("LYCEUM_DRAIN", "30s"),
        ("LYCEUM_STOP_DEADLIN", "20s"),
    ];
    for verb in [&[][..], &["serve"], &["migrate"], &["check-config"]] {
        let ended = run(verb, &wrong);
        assert_eq!(ended.status.code(), Some(2));
        let told = String::from_utf8(ended.stderr).unwrap();
        let beginnings = [
            "probe: the configuration is wrong in 8 places:",
            "LYCEUM_LOG: ",
            "LYCEUM_LOG_FORMAT: \"xml\" is refused, expected one of auto, json, text",
            "LYCEUM_TRACE_RATIO: \"7\" is refused, expected a number from 0 to 1, such as 0.1",
            "LYCEUM_DRAIN: is not shorter than LYCEUM_STOP_DEADLINE",
            "LYCEUM_GRPC_LISTEN: \"7001\" is refused",
            "LYCEUM_SLOW: \"soon\" is refused, expected a whole number and a unit",
            "LYCEUM_PROBE_KEY: is not set, expected a secret, here or in the file that LYCEUM_PROBE_KEY_FILE names",
            "LYCEUM_STOP_DEADLIN: is not known to this service, did you mean LYCEUM_STOP_DEADLINE?",
        ];
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(lines.len(), beginnings.len(), "{told}");
        for (line, beginning) in lines.iter().zip(beginnings) {
            assert!(line.starts_with(beginning), "{line}");
        }
    }
}

#[test]
fn a_complete_configuration_is_said_to_be_complete_without_its_secrets() {
    let right = [("LYCEUM_GRPC_LISTEN", "127.0.0.1:0"), ("LYCEUM_PROBE_KEY", "hunter2")];
    let ended = run(&["check-config"], &right);
    assert_eq!(ended.status.code(), Some(0));
    let told = String::from_utf8(ended.stdout).unwrap();
    assert!(told.starts_with("probe: the configuration is complete\n"), "{told}");
    assert!(told.contains("LYCEUM_PROBE_KEY: set\n") && told.contains("LYCEUM_SLOW: not set\n"), "{told}");
    assert!(!told.contains("hunter2"));
}

#[test]
fn an_unknown_word_is_refused_with_2_and_the_words_that_exist() {
    let ended = run(&["srve"], &[]);
    assert_eq!(ended.status.code(), Some(2));
    assert!(String::from_utf8(ended.stderr).unwrap().contains("serve (the default), migrate, check-config"));
}

#[test]
fn a_verb_of_the_service_s_own_is_done_with_the_configuration_and_the_log_of_the_others() {
    let right = [("LYCEUM_GRPC_LISTEN", "127.0.0.1:0"), ("LYCEUM_PROBE_KEY", "hunter2")];
    let done = run(&["greet", "Anna"], &right);
    assert_eq!(done.status.code(), Some(0));
    assert!(String::from_utf8(done.stdout).unwrap().contains(r#""message":"Hello, Anna""#));
    assert_eq!(run(&["greet"], &right).status.code(), Some(1));
    assert_eq!(run(&["greet", "Anna"], &[]).status.code(), Some(2));
    assert!(String::from_utf8(run(&["grete"], &right).stderr).unwrap().contains("check-config, greet"));
}

#[test]
fn a_service_that_cannot_start_ends_with_1_and_says_why() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let variables = [
        ("LYCEUM_ADMIN_LISTEN", "127.0.0.1:0"),
        ("LYCEUM_GRPC_LISTEN", address.as_str()),
        ("LYCEUM_PROBE_KEY", "hunter2"),
    ];
    let ended = run(&["serve"], &variables);
    assert_eq!(ended.status.code(), Some(1));
    let told = String::from_utf8(ended.stdout).unwrap();
    assert!(told.contains(&format!("the gRPC server cannot listen on {address}: ")), "{told}");
}
