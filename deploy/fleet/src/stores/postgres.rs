//! PostgreSQL: one instance, one database and one role per service; where servers stand apart, one of several.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::{fs, str};

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::{Place, START_LIMIT, USER};
use crate::home::Home;
use crate::ledger;
use crate::package::{newest_postgres, postgres_programs, postgres_versions};
use crate::supervisor::{Launch, Supervisor};

/// The instance and how to get in.
#[derive(Clone, Debug)]
pub(crate) struct Postgres {
    /// Its name as a process, which is also that of its folder, port and password.
    pub(crate) name: String,
    pub(crate) port: u16,
    pub(crate) password: String,
}

impl Postgres {
    /// Where the superuser reaches a database.
    pub(crate) fn superuser_url(&self, database: &str) -> String {
        format!("postgres://{USER}:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// Where a service reaches its own database, as its own role.
    pub(crate) fn url(&self, service: &str, password: &str) -> String {
        format!("postgres://{service}:{password}@127.0.0.1:{}/{service}", self.port)
    }

    /// Starts it unless it runs, and gives its version.
    pub(super) async fn start(&self, place: &Place, home: &Home, supervisor: &mut Supervisor) -> Result<String> {
        if ledger::running(home, &self.name)?.is_none() {
            let folder = place.folder(&self.name)?;
            let data = folder.join("data");
            if !data.exists() {
                self.create(place, &folder, &data).await?;
            }
            supervisor.start(&self.launch(place, &folder, &data)?)?;
        }
        // While it recovers from a backup, it may answer already, but takes no writes.
        let up =
            async || self.execute("postgres", "select pg_is_in_recovery()").await.is_ok_and(|answer| answer == "f");
        supervisor.wait_until(&self.name, START_LIMIT, up).await?;
        let version = self.execute("postgres", "show server_version").await?;
        Ok(version.split(' ').next().unwrap_or_default().to_owned())
    }

    /// Makes the instance's files. They appear under their name only when they are complete.
    async fn create(&self, place: &Place, folder: &Path, data: &Path) -> Result<()> {
        let (draft, password_file) = (folder.join("data.new"), folder.join("password"));
        if draft.exists() {
            fs::remove_dir_all(&draft)?;
        }
        place.write(&password_file, &self.password)?;
        let mut command = place.launch("initdb", newest_postgres(place.root())?.join("initdb"), folder, &[]).command();
        command
            .arg("--pgdata")
            .arg(&draft)
            .arg("--pwfile")
            .arg(&password_file)
            .args(["--username", USER, "--encoding=UTF8", "--locale=C.UTF-8"])
            // Passwords are stored as SCRAM verifiers, but not negotiated as such: it never leaves this machine, and a client
            // that is not optimised would spend a tenth of a second on each connection.
            .args(["--auth-local=scram-sha-256", "--auth-host=password"]);
        let output = command.stdin(Stdio::null()).output().await.context("cannot start initdb")?;
        fs::remove_file(&password_file)?;
        if !output.status.success() {
            bail!("initdb failed: {}{}", str::from_utf8(&output.stdout)?, str::from_utf8(&output.stderr)?);
        }
        fs::rename(&draft, data)?;
        Ok(())
    }

    fn launch(&self, place: &Place, folder: &Path, data: &Path) -> Result<Launch> {
        let setting = |text: String| ["-c".to_owned(), text];
        let settings = [
            "listen_addresses=127.0.0.1".to_owned(),
            format!("port={}", self.port),
            // A socket file's path may be at most 107 bytes long, and a clone may lie deeper than that.
            "unix_socket_directories=".to_owned(),
            // Every test has a database and a pool of its own.
            "max_connections=400".to_owned(),
            "shared_buffers=256MB".to_owned(),
            // After a crash the file system is synced as a whole, not file by file: as durable, and much faster.
            "recovery_init_sync_method=syncfs".to_owned(),
            "timezone=UTC".to_owned(),
            "log_timezone=UTC".to_owned(),
            "log_line_prefix=%m [%p] %q%u@%d ".to_owned(),
        ];
        let data_folder = ["-D".to_owned(), data.display().to_string()];
        let args = data_folder.into_iter().chain(settings.into_iter().flat_map(setting)).collect();
        let launch = place.launch(&self.name, server_for(data, place.root())?, folder, &[self.port]);
        Ok(Launch { args, ..launch })
    }

    /// Runs statements as the superuser, all or up to the first that fails.
    pub(crate) async fn execute(&self, database: &str, statements: &str) -> Result<String> {
        let mut child = Command::new(newest_postgres(Path::new("/"))?.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--file=-"])
            .args(["--host=127.0.0.1", "--username", USER, "--dbname", database, "--port", &self.port.to_string()])
            .env("PGPASSWORD", &self.password)
            .env("PGCONNECT_TIMEOUT", "5")
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .context("cannot start psql")?;
        // Statements hold passwords, so they do not go where every user could read them: into the arguments.
        child.stdin.take().context("psql takes no input")?.write_all(statements.as_bytes()).await?;
        let output = child.wait_with_output().await?;
        if !output.status.success() {
            bail!("PostgreSQL refused: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Makes the database of a service with a role that owns it, unless they exist.
    pub(crate) async fn provide(&self, service: &str, password: &str) -> Result<()> {
        // Each prints a statement, if it is still due, which psql runs.
        let statements = [
            format!(
                "select $$create role {service} login password '{password}'$$ \
                 where not exists (select from pg_roles where rolname = '{service}')"
            ),
            format!(
                "select $$create database {service} owner {service}$$ \
                 where not exists (select from pg_database where datname = '{service}')"
            ),
            format!("select $$revoke connect on database {service} from public$$"),
        ];
        self.execute("postgres", &statements.map(|statement| statement + " \\gexec\n").concat()).await.map(drop)
    }
}

/// The server of the version that made the files, which no other version can read.
fn server_for(data: &Path, root: &Path) -> Result<PathBuf> {
    let version = fs::read_to_string(data.join("PG_VERSION")).context("the database's files are incomplete")?;
    let version = version.trim().parse().context("PG_VERSION is not a number")?;
    if !postgres_versions(root).contains(&version) {
        bail!(
            "the data was made by PostgreSQL {version}, which is not installed any more: \
             install postgresql-{version}, or remove {} to begin anew",
            data.display()
        );
    }
    Ok(postgres_programs(version).join("postgres"))
}
