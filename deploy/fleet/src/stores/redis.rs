//! Redis: caches, limits and leases, none of which is the truth about anything.

use anyhow::Result;
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

    pub(super) async fn start(&self, place: &Place, home: &Home, supervisor: &mut Supervisor) -> Result<()> {
        if ledger::running(home, NAME)?.is_none() {
            let folder = place.folder("redis")?;
            let config = folder.join("redis.conf");
            place.write(&config, &self.config())?;
            let launch = place.launch(NAME, "redis-server", &folder, &[self.port]);
            supervisor.start(&Launch { args: vec![config.display().to_string()], ..launch })?;
        }
        supervisor.wait_until(NAME, START_LIMIT, async || self.answers().await.unwrap_or(false)).await
    }

    /// Sessions that were revoked a second ago must stay so after a restart, hence the append-only file.
    fn config(&self) -> String {
        format!(
            "bind 127.0.0.1\nport {}\nrequirepass {}\ndaemonize no\nsave \"\"\nappendonly yes\nappendfsync everysec\n",
            self.port, self.password
        )
    }

    async fn answers(&self) -> Result<bool> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await?;
        stream.write_all(format!("AUTH {}\r\nPING\r\nQUIT\r\n", self.password).as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer.starts_with("+OK\r\n+PONG\r\n"))
    }
}
