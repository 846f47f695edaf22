//! A school with an object store of its own, and people who upload, in a few words.

use std::{sync::Arc, time::Duration};

use auth::Channel;
use documents::{
    App,
    app::migrations,
    bucket::{self, Addressing},
    config::Papers,
    domain::number::Prefix,
    flows, jobs,
    print::{Certificates, Printer},
};
use proto::lyceum::documents::v1::{
    CompleteUploadRequest, CreateDownloadLinkRequest, CreatePartLinksRequest, CreateUploadRequest, File,
    GetUploadRequest, PartToWrite, Upload, UploadLink, file, file_service_client::FileServiceClient,
    upload_service_client::UploadServiceClient,
};
use reqwest::StatusCode;
use ring::digest;
use testkit::{Bucket, Database, FixedClock, Fleet, Served};
use tonic::{Request, Status};
use uuid::Uuid;
use values::{Clock, SystemClock, TimeZone};

/// An object store that nobody reaches, for tests that need none.
const NOWHERE: &str = "http://127.0.0.1:9";

pub const EDITOR: &[&str] = &["courses.edit"];

/// A service over a test's database, whose object store cannot be reached.
pub fn app(db: &Database, clock: &FixedClock, papers: Papers) -> Arc<App> {
    app_over(db, clock, papers, &store_at(NOWHERE, "nowhere", ("key", "secret", "ru-1")))
}

/// The same with an object store. The store checks when a link was signed by its own clock, so links are signed by the
/// machine's.
pub fn app_over(db: &Database, clock: &FixedClock, papers: Papers, store: &bucket::Config) -> Arc<App> {
    // reqwest wants a TLS provider even for plain HTTP; this installs one.
    let _ = testkit::http();
    Arc::new(App {
        db: db.pool.clone(),
        bucket: bucket::Bucket::new(store, Arc::new(SystemClock)).unwrap(),
        cdn: None,
        papers,
        zone: TimeZone::parse("Europe/Moscow").unwrap(),
        certificates: certificates(),
        clock: clock.shared(),
    })
}

/// What the school's certificates are made with.
fn certificates() -> Certificates {
    let zone = TimeZone::parse("Europe/Moscow").unwrap();
    Certificates {
        printer: Printer::new("Lyceum".to_owned(), &zone, None).unwrap(),
        prefix: Prefix::parse("LYC").unwrap(),
        public_url: "https://school.example".parse().unwrap(),
    }
}

pub fn store_at(url: &str, name: &str, (access_key, secret_key, region): (&str, &str, &str)) -> bucket::Config {
    bucket::Config {
        url: url.parse().unwrap(),
        public_url: url.parse().unwrap(),
        region: region.into(),
        name: name.into(),
        access_key: access_key.into(),
        secret_key: secret_key.into(),
        addressing: Addressing::Path,
        authority: None,
        proxy: None,
    }
}

/// Everything that a test of files needs.
pub struct World {
    pub clock: FixedClock,
    pub db: Database,
    pub app: Arc<App>,
    pub store: Bucket,
    pub fleet: Fleet,
    pub door: Served,
    pub http: reqwest::Client,
}

impl World {
    pub async fn new() -> Self {
        let clock = FixedClock::at(SystemClock.now());
        let db = Database::new(&migrations()).await;
        let store = Bucket::new().await;
        let s3 = &testkit::stores().s3;
        let config = store_at(&s3.url, &store.name, (&s3.access_key, &s3.secret_key, &s3.region));
        let papers = Papers { asked: "identity".parse().unwrap(), system: None };
        let app = app_over(&db, &clock, papers, &config);
        let fleet = Fleet::new(clock.shared());
        let door = testkit::serve(documents::grpc::routes(Arc::clone(&app)), fleet.layer()).await;
        Self { clock, db, app, store, fleet, door, http: testkit::http() }
    }

    pub fn uploads(&self, user: Uuid, permissions: &[&str]) -> UploadServiceClient<Channel> {
        UploadServiceClient::new(self.door.to(self.fleet.person(user, permissions)))
    }

    pub fn files(&self, user: Uuid, permissions: &[&str]) -> FileServiceClient<Channel> {
        FileServiceClient::new(self.door.to(self.fleet.person(user, permissions)))
    }

    pub fn files_for_services(&self) -> FileServiceClient<Channel> {
        FileServiceClient::new(self.door.to(self.fleet.service()))
    }

    pub async fn open(&self, user: Uuid, request: CreateUploadRequest) -> Upload {
        self.uploads(user, EDITOR).create_upload(request).await.unwrap().into_inner()
    }

    pub async fn look(&self, user: Uuid, upload: &Upload) -> Upload {
        let request = GetUploadRequest { upload_id: upload.upload_id.clone() };
        self.uploads(user, EDITOR).get_upload(request).await.unwrap().into_inner()
    }

    pub async fn complete(&self, user: Uuid, upload: &Upload) -> Result<File, Status> {
        let request = CompleteUploadRequest { upload_id: upload.upload_id.clone() };
        Ok(self.uploads(user, EDITOR).complete_upload(request).await?.into_inner())
    }

    /// Writes by a link, with the headers that it asks for.
    pub async fn write(&self, link: &UploadLink, bytes: &[u8]) -> StatusCode {
        assert_eq!(link.method, "PUT");
        let mut put = self.http.put(&link.url).body(bytes.to_vec());
        for (name, value) in link.headers.iter().filter(|(name, _)| *name != "content-length") {
            put = put.header(name, value);
        }
        // A store that hangs up before it has read everything refuses, too.
        put.send().await.map_or(StatusCode::BAD_REQUEST, |answer| answer.status())
    }

    pub async fn sign_part(&self, user: Uuid, upload: &Upload, number: i32, bytes: &[u8]) -> UploadLink {
        let parts = vec![PartToWrite { number, sha256: sum(bytes) }];
        let request = CreatePartLinksRequest { upload_id: upload.upload_id.clone(), parts };
        let signed = self.uploads(user, EDITOR).create_part_links(request).await.unwrap().into_inner();
        signed.parts.into_iter().next().unwrap().link.unwrap()
    }

    /// A small file from the first word to the last.
    pub async fn stored(&self, user: Uuid, kind: file::Kind, name: &str) -> File {
        let upload = self.open(user, pdf(kind, name)).await;
        assert!(self.write(upload.link.as_ref().unwrap(), PDF).await.is_success());
        self.complete(user, &upload).await.unwrap()
    }

    pub async fn download(&self, user: Uuid, file: &File) -> reqwest::Response {
        let request = CreateDownloadLinkRequest { file_id: file.file_id.clone() };
        let link = self.files(user, &[]).create_download_link(request).await.unwrap().into_inner();
        self.http.get(link.url).send().await.unwrap()
    }

    /// Time passes and the clockwork ticks once.
    pub async fn tick(&self, after: Duration) {
        self.clock.advance(after.try_into().unwrap());
        jobs::expire(&self.app).await.unwrap();
        jobs::delete(&self.app).await.unwrap();
    }

    pub async fn erase(&self, user: Uuid) {
        let mut conn = self.db.pool.acquire().await.unwrap();
        let user = values::Id::from_uuid(user);
        flows::erase_owner::run(&mut conn, user, self.clock.shared().now()).await.unwrap();
    }

    /// The keys of everything that the store holds.
    pub async fn objects(&self) -> Vec<String> {
        self.store.objects().await
    }
}

pub const PDF: &[u8] = b"%PDF-1.7\n%\xE2\xE3\xCF\xD3\n1 0 obj << /Type /Catalog >> endobj\n";

pub fn pdf(kind: file::Kind, name: &str) -> CreateUploadRequest {
    announce(kind, name, "application/pdf", PDF)
}

pub fn announce(kind: file::Kind, name: &str, content_type: &str, bytes: &[u8]) -> CreateUploadRequest {
    CreateUploadRequest {
        kind: kind.into(),
        name: name.into(),
        content_type: content_type.into(),
        size_bytes: bytes.len().try_into().unwrap(),
        sha256: sum(bytes),
    }
}

pub fn sum(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

/// A request with its idempotency key.
pub fn keyed<T>(message: T, key: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("idempotency-key", key.parse().unwrap());
    request
}

/// The public name of a refusal.
#[track_caller]
pub fn reason<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    rpc::Problem::from(&answer.unwrap_err()).reason
}
