//! Starting the example service as a process, and talking to it.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::task::JoinSet;
use tonic::{Request, Response, Status, transport::Channel};
use tonic_prost::ProstCodec;

/// Longest wait for anything: far more than needed, so that only a real fault is reported.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Asks `probe` until it answers.
pub fn eventually<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The example service, which cargo builds next to the tests.
fn command(variables: &[(&str, &str)]) -> Command {
    let tests = std::env::current_exe().unwrap();
    let target = tests.parent().and_then(|deps| deps.parent()).unwrap();
    let mut command = Command::new(target.join("examples/probe"));
    command.env_clear().envs(variables.iter().copied());
    command
}

/// Runs the service to its end.
pub fn run(words: &[&str], variables: &[(&str, &str)]) -> Output {
    command(variables).args(words).output().unwrap()
}

/// What a call of the example service answers.
pub type Answer = Result<Response<()>, Status>;

/// The service, running; killed on drop.
pub struct Probe {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    deaf: Arc<AtomicBool>,
    reader: Option<JoinHandle<()>>,
    pub admin: SocketAddr,
    pub grpc: SocketAddr,
    pub http: SocketAddr,
}

impl Probe {
    /// Starts it on ports that the system chooses, and waits until it listens on all of them.
    pub fn start(variables: &[(&str, &str)]) -> Self {
        let mut probe = Self::spawn(variables);
        let address = |words: &str| -> SocketAddr {
            let line = eventually(words, || probe.line(words));
            line["lyceum.address"].as_str().unwrap().parse().unwrap()
        };
        let (admin, grpc) = (address("serves after"), address("the gRPC server listens"));
        let http = address("the HTTP server listens");
        (probe.admin, probe.grpc, probe.http) = (admin, grpc, http);
        probe
    }

    /// Starts it and does not wait; its addresses are not known yet.
    pub fn spawn(variables: &[(&str, &str)]) -> Self {
        let anywhere = "127.0.0.1:0";
        let mut all = vec![
            ("LYCEUM_ADMIN_LISTEN", anywhere),
            ("LYCEUM_GRPC_LISTEN", anywhere),
            ("LYCEUM_HTTP_LISTEN", anywhere),
            ("LYCEUM_PROBE_KEY", "hunter2"),
        ];
        all.extend_from_slice(variables);
        let mut child = command(&all).stdout(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let deaf = Arc::new(AtomicBool::new(false));
        let (kept, waits) = (Arc::clone(&lines), Arc::clone(&deaf));
        let stdout = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                kept.lock().unwrap().push(line.unwrap());
                while waits.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(10));
                }
            }
        });
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        Self { child, lines, deaf, reader: Some(reader), admin: nowhere, grpc: nowhere, http: nowhere }
    }

    /// The first log line that contains `words`, as JSON.
    pub fn line(&self, words: &str) -> Option<Value> {
        let lines = self.lines.lock().unwrap();
        lines.iter().find(|line| line.contains(words)).map(|line| serde_json::from_str(line).unwrap())
    }

    /// Reads no line of its log, or goes on reading.
    pub fn be_deaf(&self, deaf: bool) {
        self.deaf.store(deaf, Ordering::Relaxed);
    }

    /// Sends a signal such as `TERM`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{signal} {}", self.child.id())).status();
        assert!(sent.unwrap().success());
    }

    /// Waits for its end; the log is complete then.
    pub fn ended(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status = eventually("the service ends", || child.try_wait().unwrap());
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        status
    }

    /// A gRPC call of the example service.
    pub fn call(&self, method: &str, request: Request<()>) -> impl Future<Output = Answer> + Send + use<> {
        let endpoint = Channel::from_shared(format!("http://{}", self.grpc)).unwrap();
        let path = format!("/lyceum.probe.v1.ProbeService/{method}").parse().unwrap();
        async move {
            let mut client = tonic::client::Grpc::new(endpoint.connect().await.unwrap());
            client.ready().await.unwrap();
            client.unary(request, path, ProstCodec::<(), ()>::default()).await
        }
    }

    /// The same in the background; it is in flight when this returns.
    pub fn call_slowly(&self) -> JoinSet<Answer> {
        let mut calls = JoinSet::new();
        calls.spawn(self.call("Slow", Request::new(())));
        eventually("in flight", || self.metric("rpc_server_in_flight", &[]).filter(|line| line.ends_with(" 1")));
        calls
    }

    /// One metric line that begins with `name` and contains every word.
    pub fn metric(&self, name: &str, words: &[&str]) -> Option<String> {
        let (_, _, text) = get(self.admin, "/metrics")?;
        let mut lines = text.lines();
        lines.find(|line| line.starts_with(name) && words.iter().all(|word| line.contains(word))).map(str::to_owned)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.be_deaf(false);
        // Already gone in most tests.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Status, head and body of a GET; `None` when nobody answers.
pub fn get(address: SocketAddr, path: &str) -> Option<(u16, String, String)> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, head.to_ascii_lowercase(), body.to_owned()))
}
