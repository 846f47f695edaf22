//! Redis: caches, limits and leases, none of which is the truth about anything.

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{Place, START_LIMIT};
use crate::home::Home;
use crate::ledger;
use crate::supervisor::{Launch, Supervisor};

const NAME: &str = "redis";

/// The instance and how to get in.
#[derive(Clone, Debug)]
pub(crate) struct Redis {
    pub(crate) port: u16,
    pub(crate) password: String,
}

impl Redis {
    pub(crate) fn url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}", self.password, self.port)
    }

    /// Starts it unless it runs, and gives its version.
    pub(super) async fn start(&self, place: &Place, home: &Home, supervisor: &mut Supervisor) -> Result<String> {
        if ledger::running(home, NAME)?.is_none() {
            let folder = place.folder("redis")?;
            let config = folder.join("redis.conf");
            place.write(&config, &self.config())?;
            let launch = place.launch(NAME, "redis-server", &folder, &[self.port]);
            supervisor.start(&Launch { args: vec![config.display().to_string()], ..launch })?;
        }
        supervisor.wait_until(NAME, START_LIMIT, async || self.version().await.is_ok()).await?;
        self.version().await
    }

    /// Sessions that were revoked a second ago must stay so after a restart, hence the append-only file.
    fn config(&self) -> String {
        format!(
            "bind 127.0.0.1\nport {}\nrequirepass {}\ndaemonize no\nsave \"\"\nappendonly yes\nappendfsync everysec\n",
            self.port, self.password
        )
    }

    async fn version(&self) -> Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.write_all(format!("AUTH {}\r\nINFO server\r\nQUIT\r\n", self.password).as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let version = answer.lines().find_map(|line| line.strip_prefix("redis_version:"));
        Ok(version.context("it does not answer yet")?.to_owned())
    }
}
