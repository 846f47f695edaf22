//! Certificates of an authority that exists only in a test, in a folder as Kubernetes mounts them.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use time::{Duration, OffsetDateTime};
use values::{Clock, SystemClock};

/// Whoever vouches for the certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A certificate and its key, in PEM.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The certificate.
    pub certificate: String,
    /// Its private key.
    pub key: String,
}

impl Authority {
    /// A new authority, which nobody knows.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut parameters = parameters(&[], hence(Duration::days(1)));
        // Issuers are looked up by their names.
        let name = format!("authority {} of a test", COUNT.fetch_add(1, Ordering::Relaxed));
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let key = KeyPair::generate().expect("a key");
        let pem = parameters.self_signed(&key).expect("an authority signs itself").pem();
        Self { issuer: Issuer::new(parameters, key), pem }
    }

    /// Its own certificate, in PEM.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for these names, for servers and clients, good for an hour.
    pub fn issue(&self, names: &[&str]) -> Issued {
        self.issue_until(names, hence(Duration::hours(1)))
    }

    /// One that is good until then.
    pub fn issue_until(&self, names: &[&str], until: OffsetDateTime) -> Issued {
        let mut parameters = parameters(names, until);
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        let certificate = parameters.signed_by(&key, &self.issuer).expect("the authority signs");
        Issued { certificate: certificate.pem(), key: key.serialize_pem() }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn parameters(names: &[&str], until: OffsetDateTime) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
    let mut parameters = CertificateParams::new(names).expect("names of hosts");
    parameters.not_before = hence(-Duration::days(2));
    parameters.not_after = until;
    parameters
}

/// So long from now.
fn hence(length: Duration) -> OffsetDateTime {
    SystemClock.now() + length
}

/// A folder with `tls.crt`, `tls.key` and `ca.crt`, exchanged all at once as the kubelet does: by a link that is
/// replaced. Gone when dropped.
pub struct Mounted {
    folder: PathBuf,
    version: AtomicU32,
}

impl Mounted {
    /// With these files in it.
    pub fn new(issued: &Issued, authority: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("lyceum-tls-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder for certificates");
        let mounted = Self { folder, version: AtomicU32::new(0) };
        mounted.exchange(issued, authority);
        for file in ["tls.crt", "tls.key", "ca.crt"] {
            symlink(Path::new("..data").join(file), mounted.folder.join(file)).expect("a link to a certificate");
        }
        mounted
    }

    /// Puts others in their place.
    pub fn exchange(&self, issued: &Issued, authority: &str) {
        let version = self.version.fetch_add(1, Ordering::Relaxed);
        let data = format!("..version_{version}");
        fs::create_dir(self.folder.join(&data)).expect("a folder for a version");
        let files = [("tls.crt", &*issued.certificate), ("tls.key", &*issued.key), ("ca.crt", authority)];
        for (file, text) in files {
            fs::write(self.folder.join(&data).join(file), text).expect("a certificate is written");
        }
        let link = self.folder.join("..data_tmp");
        symlink(&data, &link).expect("a link to the version");
        fs::rename(link, self.folder.join("..data")).expect("the link is replaced");
    }

    /// One of the three.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // What is left behind lies among temporary files.
        let _ = fs::remove_dir_all(&self.folder);
    }
}
