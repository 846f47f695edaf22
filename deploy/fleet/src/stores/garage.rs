//! Garage: the S3 server, one node with one copy of everything, a key and a bucket.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use reqwest::Method;
use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Place, START_LIMIT};
use crate::account;
use crate::home::Home;
use crate::ledger;
use crate::supervisor::{Launch, Supervisor};
use crate::tool::GARAGE;
use crate::web;

const NAME: &str = "garage";
/// The bucket of the fleet. Tests make others.
pub(crate) const BUCKET: &str = "lyceum";
/// The name by which signatures call the place, as at Selectel.
pub(crate) const REGION: &str = "ru-1";

/// The node and how to get in.
#[derive(Clone, Debug)]
pub(crate) struct Garage {
    pub(crate) s3: u16,
    pub(crate) admin: u16,
    /// For other nodes of the cluster, of which there is none.
    pub(crate) rpc: u16,
    /// What all its secrets are derived from.
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

impl Garage {
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.s3)
    }

    /// The public half of the key. Garage wants two letters and 24 hexadecimal digits.
    pub(crate) fn access_key(&self) -> String {
        format!("GK{}", &self.secret("access key")[..24])
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
        if ledger::running(home, NAME)?.is_none() {
            let program = GARAGE.provide().await?;
            let folder = place.folder(NAME)?;
            let program = within_reach(place, &folder, program)?;
            let config = folder.join("garage.toml");
            place.write(&config, &self.config(&folder))?;
            let env = [
                ("GARAGE_DEFAULT_ACCESS_KEY", self.access_key()),
                ("GARAGE_DEFAULT_SECRET_KEY", self.secret_key()),
                ("GARAGE_DEFAULT_BUCKET", BUCKET.to_owned()),
                ("RUST_LOG", "garage=info,warn".to_owned()),
                ("NO_COLOR", "1".to_owned()),
            ];
            let config = config.display().to_string();
            // The last two lay the cluster out, and make the key and the bucket, at the first start.
            let args = ["--config", &config, "server", "--single-node", "--default-bucket"].map(str::to_owned);
            let launch = place.launch(NAME, program, &folder, &[self.s3, self.admin, self.rpc]).with_env(env);
            supervisor.start(&Launch { args: args.into(), ..launch })?;
        }
        let healthy = async || self.call(Method::GET, "GetClusterHealth", None).await.is_ok_and(is_healthy);
        supervisor.wait_until(NAME, START_LIMIT, healthy).await?;
        self.open_to_browsers().await
    }

    /// Lets pages of any origin use presigned links, as the bucket of a real school lets its own.
    async fn open_to_browsers(&self) -> Result<()> {
        let bucket = self.call(Method::GET, &format!("GetBucketInfo?globalAlias={BUCKET}"), None).await?;
        let id = bucket["id"].as_str().context("Garage does not tell the bucket's id")?;
        let rule = json!({
            "AllowedOrigin": ["*"], "AllowedMethod": ["GET", "HEAD", "PUT"], "AllowedHeader": ["*"],
            "ExposeHeader": ["ETag", "x-amz-checksum-sha256"], "MaxAgeSeconds": 600
        });
        self.call(Method::POST, &format!("UpdateBucket?id={id}"), Some(json!({"corsRules": [rule]}))).await?;
        Ok(())
    }

    fn config(&self, folder: &Path) -> String {
        let inside = |name: &str| folder.join(name).display().to_string();
        let here = |port: u16| format!("127.0.0.1:{port}");
        format!(
            "metadata_dir = {:?}\ndata_dir = {:?}\ndb_engine = \"lmdb\"\n\
             # What was answered with 200 is on the disk.\nmetadata_fsync = true\ndata_fsync = true\n\
             replication_factor = 1\nrpc_bind_addr = {:?}\nrpc_public_addr = {:?}\nrpc_secret = {:?}\n\
             [s3_api]\ns3_region = {REGION:?}\napi_bind_addr = {:?}\nroot_domain = \".s3.localhost\"\n\
             [admin]\napi_bind_addr = {:?}\nadmin_token = {:?}\n",
            inside("meta"),
            inside("data"),
            here(self.rpc),
            here(self.rpc),
            self.secret("rpc"),
            here(self.s3),
            here(self.admin),
            self.secret("admin"),
        )
    }

    /// Calls the admin API; the path comes after `/v2/`.
    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value> {
        let url = format!("http://127.0.0.1:{}/v2/{path}", self.admin);
        web::call(method, &url, |request| request.bearer_auth(self.secret("admin")), body).await
    }
}

fn is_healthy(health: Value) -> bool {
    health["status"] == "healthy"
}

/// Where the stores' user can run the program: a folder below /root, where cargo installs for root, is closed to it.
fn within_reach(place: &Place, folder: &Path, program: PathBuf) -> Result<PathBuf> {
    let parent = program.parent().context("a program lies in a folder")?;
    if place.account.is_none() || account::is_reachable(&parent.canonicalize()?)? {
        return Ok(program);
    }
    let (draft, copy) = (folder.join("program.new"), folder.join(NAME));
    std::fs::copy(&program, &draft).with_context(|| format!("cannot copy {}", program.display()))?;
    std::fs::rename(&draft, &copy)?;
    if let Some(account) = &place.account {
        account.own(&copy)?;
    }
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_secrets_differ_from_each_other_and_stay_the_same() {
        let garage = Garage { s3: 1, admin: 2, rpc: 3, password: "secret".to_owned() };
        assert_eq!(garage.access_key().len(), 26);
        assert_eq!(garage.secret_key(), garage.secret_key());
        assert_ne!(garage.secret("rpc"), garage.secret("admin"));
        let config = garage.config(Path::new("/data of \"all\""));
        assert!(config.contains(r#"metadata_dir = "/data of \"all\"/meta""#), "{config}");
    }
}
