//! Sends an image to a registry, by the protocol that all of them speak (OCI distribution).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, LOCATION, WWW_AUTHENTICATE};
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;

use super::image::{Blob, Image, MANIFEST};
use crate::web;

/// How long the registry may take over one request; a layer is one.
const LIMIT: Duration = Duration::from_secs(300);

/// A registry and how it is asked.
#[derive(Debug)]
pub(crate) struct Registry {
    /// What stands before the name of the image: the host, perhaps with a folder of the registry's.
    pub(crate) name: String,
    client: Client,
    base: Url,
    /// Name and password, as a login of Docker's or podman's kept them.
    login: Option<(String, String)>,
}

/// One repository of a registry, with what opens it.
struct Repository<'a> {
    registry: &'a Registry,
    path: String,
    authorization: Option<String>,
}

#[derive(Deserialize)]
struct Token {
    #[serde(alias = "access_token")]
    token: String,
}

impl Registry {
    pub(crate) fn new(name: &str) -> Result<Self> {
        let name = name.trim_end_matches('/');
        let host = name.split('/').next().filter(|host| !host.is_empty() && !name.contains("://"));
        let host = host.with_context(|| format!("{name} is no registry: expected host:port, perhaps with a path"))?;
        // What Docker does too: on this machine nobody listens in.
        let here = ["127.0.0.1", "localhost", "[::1]"].iter().any(|this| host.split(':').next() == Some(this));
        let base = Url::parse(&format!("{}://{host}/", if here { "http" } else { "https" }))?;
        let client = web::registry_client(LIMIT)?;
        Ok(Self { name: name.to_owned(), client, base, login: login(host)? })
    }

    /// Where an image will be, such as `127.0.0.1:5000/lyceum/users`.
    pub(crate) fn repository(&self, image: &str) -> String {
        format!("{}/{}", self.name, image.trim_start_matches("docker.io/"))
    }

    /// Sends what the registry does not have, and at last the manifest. Tells the digest that the registry gave.
    pub(crate) async fn push(&self, image: &Image) -> Result<String> {
        let repository = self.repository(&image.repository);
        let path = repository.split_once('/').map(|(_, path)| path.to_owned()).context("an image without a name")?;
        let mut repository = Repository { registry: self, path, authorization: None };
        let blobs = image.blobs();
        for blob in blobs.layers.iter().chain([&blobs.configuration]) {
            repository.send_blob(blob).await?;
        }
        repository.send_manifest(&blobs.manifest, &image.tag).await?;
        Ok(blobs.manifest.digest)
    }
}

impl Repository<'_> {
    async fn send_blob(&mut self, blob: &Blob) -> Result<()> {
        let known = self.ask(Method::HEAD, self.url(&format!("blobs/{}", blob.digest))?, None).await?;
        if known.status().is_success() {
            return Ok(());
        }
        let begun = self.ask(Method::POST, self.url("blobs/uploads/")?, None).await?;
        let begun = expect(begun, StatusCode::ACCEPTED, "did not begin an upload").await?;
        let place = begun.headers().get(LOCATION).context("the registry told no place for the upload")?.to_str()?;
        // Either a whole address or a path; perhaps with a question of its own.
        let mut place = self.registry.base.join(place)?;
        place.query_pairs_mut().append_pair("digest", &blob.digest);
        let body = ("application/octet-stream", blob.bytes.clone());
        let sent = self.ask(Method::PUT, place, Some(body)).await?;
        expect(sent, StatusCode::CREATED, "did not take a blob").await?;
        Ok(())
    }

    async fn send_manifest(&mut self, manifest: &Blob, tag: &str) -> Result<()> {
        let body = (MANIFEST, manifest.bytes.clone());
        let sent = self.ask(Method::PUT, self.url(&format!("manifests/{tag}"))?, Some(body)).await?;
        let sent = expect(sent, StatusCode::CREATED, "did not take the manifest").await?;
        let told = sent.headers().get("docker-content-digest").and_then(|digest| digest.to_str().ok());
        if told.is_some_and(|told| told != manifest.digest) {
            bail!("the registry understood another manifest: {told:?} instead of {}", manifest.digest);
        }
        Ok(())
    }

    fn url(&self, rest: &str) -> Result<Url> {
        Ok(self.registry.base.join(&format!("v2/{}/{rest}", self.path))?)
    }

    /// Asks, and once more with what opens the repository when the registry wants to know who asks.
    async fn ask(&mut self, method: Method, url: Url, body: Option<(&str, Vec<u8>)>) -> Result<Response> {
        let first = self.send(method.clone(), url.clone(), body.clone()).await?;
        if first.status() != StatusCode::UNAUTHORIZED {
            return Ok(first);
        }
        let challenge = first.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        self.authorization = Some(self.answer(challenge).await?);
        self.send(method, url, body).await
    }

    async fn send(&self, method: Method, url: Url, body: Option<(&str, Vec<u8>)>) -> Result<Response> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut request = self.registry.client.request(method, url);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some((kind, bytes)) = body {
            request = request.header(CONTENT_TYPE, kind).body(bytes);
        }
        request.send().await.with_context(|| format!("the registry {host} cannot be reached"))
    }

    /// What the registry wants to see: name and password, or a token that somebody else gives for them.
    async fn answer(&self, challenge: &str) -> Result<String> {
        let basic = self
            .registry
            .login
            .as_ref()
            .map(|(name, password)| format!("Basic {}", STANDARD.encode(format!("{name}:{password}"))));
        let Some(parameters) = challenge.strip_prefix("Bearer ") else {
            return basic.with_context(|| {
                format!("the registry {} wants a login: `docker login` or `podman login` keeps one", self.registry.name)
            });
        };
        let parameters = parameters_of(parameters);
        let realm = parameters.get("realm").context("the registry names nobody who gives tokens")?;
        let mut url = Url::parse(realm)?;
        if let Some(service) = parameters.get("service") {
            url.query_pairs_mut().append_pair("service", service);
        }
        url.query_pairs_mut().append_pair("scope", &format!("repository:{}:pull,push", self.path));
        let mut request = self.registry.client.get(url);
        if let Some(basic) = basic {
            request = request.header(AUTHORIZATION, basic);
        }
        let given = expect(request.send().await?, StatusCode::OK, "gave no token").await?;
        let token: Token = serde_json::from_slice(&given.bytes().await?)?;
        Ok(format!("Bearer {}", token.token))
    }
}

async fn expect(response: Response, wanted: StatusCode, failure: &str) -> Result<Response> {
    if response.status() == wanted {
        return Ok(response);
    }
    let (url, status) = (response.url().clone(), response.status());
    let said = response.text().await.unwrap_or_default();
    bail!("the registry {failure}: {} answered {status}: {}", url.path(), said.trim());
}

/// `realm="https://…",service="…"`; quoted values may hold commas.
fn parameters_of(text: &str) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once("=\"") {
        let Some((value, left)) = after.split_once('"') else { break };
        parameters.insert(name.trim_start_matches([',', ' ']).to_owned(), value.to_owned());
        rest = left;
    }
    parameters
}

/// The login that Docker or podman keeps for a host, if they keep one.
fn login(host: &str) -> Result<Option<(String, String)>> {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let places = [
        variable("REGISTRY_AUTH_FILE"),
        variable("DOCKER_CONFIG").map(|folder| folder.join("config.json")),
        variable("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
        variable("HOME").map(|folder| folder.join(".docker/config.json")),
    ];
    for place in places.into_iter().flatten().filter(|place| place.is_file()) {
        let text = std::fs::read(&place).with_context(|| format!("cannot read {}", place.display()))?;
        let kept: Value = serde_json::from_slice(&text).with_context(|| format!("{} is damaged", place.display()))?;
        if let Some(auth) = kept["auths"][host]["auth"].as_str() {
            let decoded = String::from_utf8(STANDARD.decode(auth)?)?;
            return Ok(decoded.split_once(':').map(|(name, password)| (name.to_owned(), password.to_owned())));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_spoken_to_without_tls() {
        for (name, url) in [
            ("127.0.0.1:5000", "http://127.0.0.1:5000/"),
            ("localhost:5000/school/", "http://localhost:5000/"),
            ("registry.example", "https://registry.example/"),
            ("127.0.0.1.example:5000", "https://127.0.0.1.example:5000/"),
        ] {
            assert_eq!(Registry::new(name).unwrap().base.as_str(), url);
        }
        assert!(Registry::new("https://registry.example").is_err());
        assert!(Registry::new("").is_err());
    }

    #[test]
    fn a_folder_of_the_registry_stands_before_the_name() {
        let registry = Registry::new("registry.example/school").unwrap();
        assert_eq!(registry.repository("docker.io/lyceum/users"), "registry.example/school/lyceum/users");
    }

    #[test]
    fn a_challenge_is_taken_apart() {
        let parameters =
            parameters_of(r#"realm="https://auth.example/token",service="a,b", scope="repository:x:pull""#);
        assert_eq!(parameters["realm"], "https://auth.example/token");
        assert_eq!(parameters["service"], "a,b");
        assert_eq!(parameters["scope"], "repository:x:pull");
    }
}
