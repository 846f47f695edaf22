//! RabbitMQ: one node with a name server (epmd) of its own, and its management API.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::{Place, START_LIMIT, USER};
use crate::home::Home;
use crate::ledger::{self, Role};
use crate::package::RABBITMQ_SERVER;
use crate::supervisor::{Launch, Supervisor};
use crate::web::{self, Method};

const NAME: &str = "rabbitmq";
const NAME_SERVER: &str = "epmd";
/// The virtual host of the fleet. Tests make others.
pub(crate) const VHOST: &str = "lyceum";
/// The virtual host that stands for the broker of the external Document System.
pub(crate) const DOCUMENT_SYSTEM: &str = "document-system";

/// The node and how to get in.
#[derive(Clone, Debug)]
pub(crate) struct Rabbitmq {
    pub(crate) amqp: u16,
    pub(crate) management: u16,
    pub(crate) metrics: u16,
    /// For other nodes of the cluster, of which there is none.
    pub(crate) distribution: u16,
    /// Where epmd tells the distribution port.
    pub(crate) names: u16,
    pub(crate) password: String,
}

impl Rabbitmq {
    /// Where a client reaches a virtual host; its name must be percent-encoded.
    pub(crate) fn url(&self, vhost: &str) -> String {
        format!("amqp://{USER}:{}@127.0.0.1:{}/{vhost}", self.password, self.amqp)
    }

    pub(crate) fn management_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.management)
    }

    pub(super) async fn start(&self, place: &Place, home: &Home, supervisor: &mut Supervisor) -> Result<()> {
        if ledger::running(home, NAME)?.is_some() {
            return Ok(());
        }
        let folder = place.folder("rabbitmq")?;
        place.write(&folder.join("rabbitmq.conf"), &self.config())?;
        place.write(&folder.join("enabled_plugins"), "[rabbitmq_management,rabbitmq_prometheus].\n")?;
        // An empty file, because without one the machine's own settings in /etc would be read.
        place.write(&folder.join("env.conf"), "")?;
        if ledger::running(home, NAME_SERVER)?.is_none() {
            let args = vec!["-port".to_owned(), self.names.to_string(), "-address".to_owned(), "127.0.0.1".to_owned()];
            let launch = place.launch(NAME_SERVER, "epmd", &folder, &[self.names]).with_env(self.environment(&folder));
            supervisor.start(&Launch { role: Role::Support, args, ..launch })?;
            let listens = async || tokio::net::TcpStream::connect(("127.0.0.1", self.names)).await.is_ok();
            supervisor.wait_until(NAME_SERVER, START_LIMIT, listens).await?;
        }
        let launch = place.launch(NAME, RABBITMQ_SERVER, &folder, &[self.amqp, self.management, self.metrics]);
        supervisor.start(&launch.with_env(self.environment(&folder)))
    }

    /// Waits until it serves, and gives its version.
    pub(super) async fn wait(&self, supervisor: &mut Supervisor) -> Result<String> {
        let healthy = async || self.call(Method::GET, "health/checks/local-alarms", None).await.is_ok();
        supervisor.wait_until(NAME, START_LIMIT, healthy).await?;
        for vhost in [VHOST, DOCUMENT_SYSTEM] {
            self.call(Method::PUT, &format!("vhosts/{vhost}"), Some(json!({}))).await?;
            let everything = json!({"configure": ".*", "write": ".*", "read": ".*"});
            self.call(Method::PUT, &format!("permissions/{vhost}/{USER}"), Some(everything)).await?;
            // RabbitMQ 4 drops what was taken in vain twenty times where nothing else is said. 3.10 refuses -1.
            let kept = json!({"pattern": r"\.(dead-letters|unrouted)$", "apply-to": "queues", "definition": {"delivery-limit": i32::MAX}});
            self.call(Method::PUT, &format!("policies/{vhost}/kept"), Some(kept)).await?;
        }
        let version = self.call(Method::GET, "overview", None).await?["rabbitmq_version"].take();
        Ok(version.as_str().context("RabbitMQ does not tell its version")?.to_owned())
    }

    fn config(&self) -> String {
        let listener = |name: &str, port: u16| format!("{name}.tcp.ip = 127.0.0.1\n{name}.tcp.port = {port}\n");
        format!(
            "listeners.tcp.default = 127.0.0.1:{}\n{}{}\
             default_user = {USER}\ndefault_pass = {}\ndefault_vhost = /\n\
             log.console = true\nlog.console.level = info\nlog.file = false\n\
             # A share of a big machine's memory, or of its disk, would block publishers for no reason.\n\
             vm_memory_high_watermark.absolute = 768MB\ndisk_free_limit.absolute = 200MB\n",
            self.amqp,
            listener("management", self.management),
            listener("prometheus", self.metrics),
            self.password,
        )
    }

    fn environment(&self, folder: &Path) -> [(&'static str, String); 17] {
        let inside = |name: &str| folder.join(name).display().to_string();
        let erlang = "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none";
        [
            // The cookie by which Erlang nodes know each other lies in the home folder.
            ("HOME", folder.display().to_string()),
            ("LANG", "C.UTF-8".to_owned()),
            // By address: a machine without /etc/hosts does not know what localhost is.
            ("RABBITMQ_USE_LONGNAME", "true".to_owned()),
            ("RABBITMQ_NODENAME", "lyceum@127.0.0.1".to_owned()),
            ("RABBITMQ_CONF_ENV_FILE", inside("env.conf")),
            ("RABBITMQ_CONFIG_FILE", inside("rabbitmq.conf")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", inside("enabled_plugins")),
            ("RABBITMQ_MNESIA_BASE", inside("mnesia")),
            ("RABBITMQ_LOG_BASE", inside("log")),
            ("RABBITMQ_GENERATED_CONFIG_DIR", inside("generated")),
            ("RABBITMQ_PID_FILE", inside("pid")),
            ("RABBITMQ_LOG", "info,-color".to_owned()),
            ("RABBITMQ_DIST_PORT", self.distribution.to_string()),
            ("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", erlang.to_owned()),
            ("ERL_EPMD_PORT", self.names.to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            // Makes the script become the node instead of waiting for it, so that its pid is the node's.
            ("RUNNING_UNDER_SYSTEMD", "true".to_owned()),
        ]
    }

    /// Calls the management API; the path comes after `/api/`.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let url = format!("{}/api/{path}", self.management_url());
        web::call(method, &url, (USER, &self.password), body).await
    }
}
