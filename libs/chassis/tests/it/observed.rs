//! What can be seen of a running service: its log, its metrics, its traces.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::{
        ExportTraceServiceRequest, ExportTraceServiceResponse,
        trace_service_server::{TraceService, TraceServiceServer},
    },
    trace::v1::Span,
};
use tonic::{Code, Request, Response, Status, codec::CompressionEncoding};

use super::helpers::{Probe, eventually, get, run};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

fn traced() -> Request<()> {
    let mut request = Request::new(());
    request.metadata_mut().insert("traceparent", format!("00-{TRACE}-{PARENT}-01").parse().unwrap());
    request.metadata_mut().insert("x-request-id", "request-0001".parse().unwrap());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_line_is_one_object_with_the_names_of_ecs_and_the_trace_of_the_call() {
    let mut probe = Probe::start(&[]);
    let answer = probe.call("Echo", traced()).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "request-0001");
    let line = eventually("the line", || probe.line("Echo was called"));
    for (name, value) in [
        ("log.level", "info"),
        ("message", "Echo was called"),
        ("service.name", "probe"),
        ("log.logger", "probe"),
        ("trace.id", TRACE),
        ("rpc.service", "lyceum.probe.v1.ProbeService"),
        ("rpc.method", "Echo"),
        ("http.request.id", "request-0001"),
        ("lyceum.method", "Echo"),
    ] {
        assert_eq!(line[name], value, "{name} in {line}");
    }
    assert_eq!(line["answer.count"], 1);
    assert_eq!(line["span.id"].as_str().unwrap().len(), 16);
    assert_ne!(line["span.id"], PARENT);
    assert!(line["@timestamp"].as_str().unwrap().ends_with('Z'));
    assert!(line.as_object().unwrap().keys().all(|name| !name.starts_with("otel.")));
    probe.signal("TERM");
    assert!(probe.ended().success());
    assert!(probe.line("hunter2").is_none(), "secrets stay out of the log");
}

#[test]
fn a_line_says_of_which_version_it_is_and_an_operator_may_say_it() {
    let line = |variables| eventually("a line", || Probe::start(variables).line("serves after"));
    assert_eq!(line(&[])["service.version"], chassis::build!().to_string());
    let told = line(&[("OTEL_RESOURCE_ATTRIBUTES", "service.version=1.2.3,service.name=another")]);
    assert_eq!((&told["service.version"], &told["service.name"]), (&"1.2.3".into(), &"probe".into()));
}

#[test]
fn a_log_that_nobody_reads_holds_nothing_up_and_what_is_lost_is_counted() {
    let mut probe = Probe::start(&[]);
    probe.be_deaf(true);
    assert_eq!(get(probe.http, "/talk").unwrap().0, 200);
    assert_eq!(get(probe.http, "/echo/x").unwrap().0, 200);
    eventually("lost lines are counted", || {
        probe.metric("log_lines_dropped_total", &[]).filter(|line| !line.ends_with(" 0"))
    });
    probe.be_deaf(false);
    // What waited goes out first, and until then a further line may be lost.
    eventually("lines go out again", || {
        get(probe.http, "/panic");
        probe.line("the handler panics on purpose")
    });
    probe.signal("TERM");
    assert!(probe.ended().success());
    assert!(probe.line("probe has stopped").is_some(), "the last lines are written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_a_call_is_internal_for_this_call_and_nothing_for_the_next() {
    let probe = Probe::start(&[]);
    let refused = probe.call("Panic", traced()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Internal);
    assert!(!refused.message().contains("purpose"), "{refused}");
    let line = eventually("the line", || probe.line("a call panicked"));
    assert_eq!(line["error.message"], "the call panics on purpose");
    assert_eq!(line["trace.id"], TRACE);
    let place = eventually("the place", || probe.line("a thread panicked at"));
    assert!(place["error.stack_trace"].as_str().unwrap().contains("probe.rs:"));
    probe.call("Echo", Request::new(())).await.unwrap();

    let (status, head, body) = get(probe.http, "/panic").unwrap();
    assert_eq!(status, 500);
    assert!(head.contains("content-type: application/problem+json") && head.contains("x-request-id: "), "{head}");
    assert!(body.contains(r#""code":"INTERNAL""#), "{body}");
    assert_eq!(get(probe.http, "/echo/x").unwrap().0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn rate_errors_and_duration_are_measured_per_rpc_and_per_route() {
    let probe = Probe::start(&[]);
    probe.call("Echo", Request::new(())).await.unwrap();
    probe.call("Echo", Request::new(())).await.unwrap();
    probe.call("Panic", Request::new(())).await.unwrap_err();
    probe.call("Nonsense", Request::new(())).await.unwrap_err();
    get(probe.http, "/echo/first").unwrap();
    get(probe.http, "/echo/second").unwrap();
    get(probe.http, "/panic").unwrap();
    get(probe.http, "/nowhere/at/all").unwrap();

    let service = "lyceum.probe.v1.ProbeService";
    for (name, words, value) in [
        ("rpc_server_requests_total", vec![format!("{service}/Echo"), "\"OK\"".to_owned()], "2"),
        ("rpc_server_requests_total", vec![format!("{service}/Panic"), "\"INTERNAL\"".to_owned()], "1"),
        ("rpc_server_requests_total", vec!["rpc=\"unknown\"".to_owned(), "\"UNIMPLEMENTED\"".to_owned()], "1"),
        ("rpc_server_duration_seconds_count", vec![format!("{service}/Echo")], "2"),
        ("rpc_server_duration_seconds_bucket", vec![format!("{service}/Echo"), "le=\"+Inf\"".to_owned()], "2"),
        ("http_server_requests_total", vec!["route=\"/echo/{word}\"".to_owned(), "status=\"200\"".to_owned()], "2"),
        ("http_server_requests_total", vec!["route=\"/panic\"".to_owned(), "status=\"500\"".to_owned()], "1"),
        ("http_server_requests_total", vec!["route=\"unmatched\"".to_owned(), "status=\"404\"".to_owned()], "1"),
        ("http_server_responses_total", vec!["class=\"2xx\"".to_owned()], "2"),
        ("http_server_responses_total", vec!["class=\"4xx\"".to_owned()], "1"),
        ("http_server_responses_total", vec!["class=\"5xx\"".to_owned()], "1"),
        // Present from the start: a series that began with its first failure would hide it.
        ("http_server_responses_total", vec!["class=\"gone\"".to_owned()], "0"),
        (
            "http_server_duration_seconds_count",
            vec!["route=\"/echo/{word}\"".to_owned(), "method=\"GET\"".to_owned()],
            "2",
        ),
        ("job_runs_total", vec!["job=\"count\"".to_owned(), "outcome=\"done\"".to_owned()], "1"),
        ("rpc_server_in_flight", vec![], "0"),
    ] {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        eventually(&format!("{name} {words:?} is {value}"), || {
            probe.metric(name, &words).filter(|line| line.ends_with(&format!(" {value}")))
        });
    }
    for name in ["process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds"] {
        assert!(probe.metric(name, &[]).is_some(), "{name}");
    }
    assert!(probe.metric("rpc_server_requests_total", &["Nonsense"]).is_none(), "strangers make no labels");
}

#[test]
fn a_program_tells_its_version_without_a_configuration_and_its_metrics_tell_the_same() {
    let chassis::Build { version, revision } = chassis::build!();
    let told = String::from_utf8(run(&["--version"], &[]).stdout).unwrap();
    assert_eq!(told, format!("probe {version} ({revision})\n"));
    let line = Probe::start(&[]).metric("lyceum_build_info", &[]).unwrap();
    assert_eq!(line, format!("lyceum_build_info{{version=\"{version}\",revision=\"{revision}\"}} 1"));
}

/// Collects spans, as an OpenTelemetry collector does.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, Span)>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        for resource in request.into_inner().resource_spans {
            let attributes = resource.resource.unwrap_or_default().attributes;
            let service = attributes.into_iter().find(|attribute| attribute.key == "service.name").unwrap();
            let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
            self.0.lock().unwrap().extend(spans.map(|span| (format!("{:?}", service.value), span)));
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

impl Collector {
    async fn open() -> (Self, SocketAddr) {
        let collector = Self::default();
        let service = TraceServiceServer::new(collector.clone()).accept_compressed(CompressionEncoding::Gzip);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let incoming = tokio_stream::wrappers::TcpListenerStream::new(listener);
        let serving = tonic::transport::Server::builder().add_service(service).serve_with_incoming(incoming);
        tokio::task::JoinSet::from_iter([serving]).detach_all();
        (collector, address)
    }

    fn spans(&self) -> Vec<(String, Span)> {
        self.0.lock().unwrap().clone()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_that_began_elsewhere_goes_on_here_and_is_sent_before_the_end() {
    let (collector, address) = Collector::open().await;
    let endpoint = format!("http://{address}");
    // Only parents decide here: of traces that begin in this process nothing is kept.
    let mut probe = Probe::start(&[("LYCEUM_OTLP_ENDPOINT", &endpoint), ("LYCEUM_TRACE_RATIO", "0")]);
    probe.call("Echo", traced()).await.unwrap();
    probe.call("Echo", Request::new(())).await.unwrap();
    probe.call("Panic", traced()).await.unwrap_err();
    probe.signal("TERM");
    assert!(probe.ended().success());

    let spans = collector.spans();
    let names: Vec<&str> = spans.iter().map(|(_, span)| span.name.as_str()).collect();
    assert_eq!(names, ["lyceum.probe.v1.ProbeService/Echo", "lyceum.probe.v1.ProbeService/Panic"]);
    for (service, span) in &spans {
        assert_eq!(hex(&span.trace_id), TRACE);
        assert_eq!(hex(&span.parent_span_id), PARENT);
        assert_eq!(span.kind, 2, "a server's span");
        assert!(service.contains("probe"), "{service}");
    }
    assert_eq!(spans[0].1.status.clone().unwrap_or_default().code, 0);
    assert_eq!(spans[1].1.status.clone().unwrap_or_default().code, 2, "a panic is an error of ours");
}

#[tokio::test(flavor = "multi_thread")]
async fn traces_go_to_a_collector_that_the_authority_vouches_for() {
    let (collector, address) = Collector::open().await;
    let authority = testkit::Authority::new();
    let issued = authority.issue(&["localhost"]);
    let endpoint = testkit::encrypted(&format!("http://{address}"), &issued, testkit::Begins::WithHttp2).await;
    let mounted = testkit::Mounted::new(&issued, authority.pem());
    let endpoint = endpoint.replacen("http", "https", 1);
    let file = mounted.file("ca.crt");
    let trusting = [
        ("LYCEUM_OTLP_ENDPOINT", &*endpoint),
        ("LYCEUM_TLS_CA_FILE", file.to_str().unwrap()),
        ("LYCEUM_TRACE_RATIO", "0"),
    ];
    let mut probe = Probe::start(&trusting);
    probe.call("Echo", traced()).await.unwrap();
    probe.signal("TERM");
    assert!(probe.ended().success());
    assert_eq!(collector.spans().len(), 1);
}

#[test]
fn a_dead_collector_hinders_neither_the_start_nor_the_end() {
    // Nobody listens on port 1.
    let dead = [("LYCEUM_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("LYCEUM_STOP_DEADLINE", "10s")];
    let mut probe = Probe::start(&dead);
    assert_eq!(get(probe.http, "/echo/x").unwrap().0, 200);
    let told = std::time::Instant::now();
    probe.signal("TERM");
    assert_eq!(probe.ended().code(), Some(0));
    assert!(told.elapsed() < std::time::Duration::from_secs(10), "{:?}", told.elapsed());
}
