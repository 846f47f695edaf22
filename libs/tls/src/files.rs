//! The files of an identity, read whole and checked before anything is done with them.

use std::{fmt, fs, path::PathBuf, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use time::OffsetDateTime;
use values::SharedClock;

use crate::certificate::{Validity, validity};

/// Where the certificates of an identity are, all in PEM.
#[derive(Debug, Clone, Default)]
pub struct Files {
    /// Our own certificate, with those between it and the authority, and its private key.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// The authority whose certificates are believed.
    pub authority: Option<PathBuf>,
}

/// Which file is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// Our own certificate.
    Certificate,
    /// Its private key.
    Key,
    /// The authority.
    Authority,
}

impl fmt::Display for File {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Certificate => "certificate",
            Self::Key => "key",
            Self::Authority => "authority",
        })
    }
}

/// A file that is of no use, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the {file} in {} {why}", path.display())]
pub struct Unusable {
    /// Which one.
    pub file: File,
    path: PathBuf,
    why: String,
}

/// An authority that vouches for something outside the fleet, such as a database.
#[derive(Debug, Clone)]
pub struct Authority {
    /// Where it is.
    pub path: PathBuf,
    /// Its certificates in PEM.
    pub pem: String,
}

impl Authority {
    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read, holds no certificate, or only expired ones.
    pub fn load(path: PathBuf, clock: &SharedClock) -> Result<Self, Unusable> {
        let files = Files { certificate: None, authority: Some(path) };
        let texts = files.texts()?;
        files.understand(&texts, clock.now())?;
        let pem = String::from_utf8_lossy(&texts.authority.unwrap_or_default()).into_owned();
        Ok(Self { path: files.authority.unwrap_or_default(), pem })
    }

    /// Its certificates as the file holds them now, so that a new authority needs no restart; those of the beginning
    /// where the file is of no use now. For whoever opens a new connection.
    pub fn current(&self, clock: &SharedClock) -> String {
        match Self::load(self.path.clone(), clock) {
            Ok(now) => now.pem,
            Err(unusable) => {
                let path = self.path.display();
                tracing::warn!(error = &unusable as &dyn std::error::Error, "{path} is of no use; the old one stays.");
                self.pem.clone()
            }
        }
    }
}

/// What the files held when they were read.
#[derive(PartialEq, Eq)]
pub(crate) struct Texts {
    certificate: Option<(Vec<u8>, Vec<u8>)>,
    authority: Option<Vec<u8>>,
}

/// The files, understood.
pub(crate) struct Understood {
    pub(crate) server: Option<Arc<ServerConfig>>,
    pub(crate) client: Arc<ClientConfig>,
    /// Until when each file is good.
    pub(crate) expiries: Vec<(File, OffsetDateTime)>,
}

impl Files {
    fn unusable(&self, file: File, why: impl Into<String>) -> Unusable {
        let path = match (file, &self.certificate, &self.authority) {
            (File::Certificate, Some((path, _)), _) | (File::Key, Some((_, path)), _) => path.clone(),
            (File::Authority, _, Some(path)) => path.clone(),
            _ => PathBuf::new(),
        };
        Unusable { file, path, why: why.into() }
    }

    fn read(&self, file: File, path: &PathBuf) -> Result<Vec<u8>, Unusable> {
        fs::read(path).map_err(|error| self.unusable(file, format!("cannot be read ({error})")))
    }

    /// Reads them all.
    pub(crate) fn texts(&self) -> Result<Texts, Unusable> {
        let certificate = match &self.certificate {
            Some((certificate, key)) => Some((self.read(File::Certificate, certificate)?, self.read(File::Key, key)?)),
            None => None,
        };
        let authority = self.authority.as_ref().map(|path| self.read(File::Authority, path)).transpose()?;
        Ok(Texts { certificate, authority })
    }

    /// Makes sense of them. What has expired, or is not valid yet, is refused: every connection would be.
    pub(crate) fn understand(&self, texts: &Texts, now: OffsetDateTime) -> Result<Understood, Unusable> {
        let mut expiries = Vec::new();
        let provider = Arc::new(ring::default_provider());
        let roots = match &texts.authority {
            Some(pem) => {
                let (roots, until) = self.roots(pem, now)?;
                expiries.push((File::Authority, until));
                Some(Arc::new(roots))
            }
            None => None,
        };
        let own = match &texts.certificate {
            Some((chain, key)) => {
                let chain = self.chain(File::Certificate, chain)?;
                let until = self.valid(File::Certificate, &chain[0], now)?;
                expiries.push((File::Certificate, until));
                let key = PrivateKeyDer::from_pem_slice(key);
                let key = key.map_err(|_| self.unusable(File::Key, "is not a private key in PEM"))?;
                Some((chain, key))
            }
            None => None,
        };
        let server = own.as_ref().map(|own| self.server(&provider, roots.clone(), own)).transpose()?;
        let client = self.client(&provider, roots, own.as_ref())?;
        Ok(Understood { server, client, expiries })
    }

    fn server(
        &self,
        provider: &Arc<CryptoProvider>,
        roots: Option<Arc<RootCertStore>>,
        own: &Own,
    ) -> Made<ServerConfig> {
        let builder = ServerConfig::builder_with_provider(Arc::clone(provider)).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| self.unusable(File::Certificate, error.to_string()))?;
        let builder = match roots {
            Some(roots) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider)).build();
                let verifier = verifier.map_err(|error| self.unusable(File::Authority, error.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
            None => builder.with_no_client_auth(),
        };
        let (chain, key) = own;
        let config = builder.with_single_cert(chain.clone(), key.clone_key());
        config.map(Arc::new).map_err(|error| self.mismatch(&error))
    }

    fn client(
        &self,
        provider: &Arc<CryptoProvider>,
        roots: Option<Arc<RootCertStore>>,
        own: Option<&Own>,
    ) -> Made<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(provider)).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| self.unusable(File::Authority, error.to_string()))?;
        let public = || Arc::new(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
        let builder = builder.with_root_certificates(roots.unwrap_or_else(public));
        let Some((chain, key)) = own else { return Ok(Arc::new(builder.with_no_client_auth())) };
        let config = builder.with_client_auth_cert(chain.clone(), key.clone_key());
        config.map(Arc::new).map_err(|error| self.mismatch(&error))
    }

    fn mismatch(&self, error: &rustls::Error) -> Unusable {
        self.unusable(File::Key, format!("does not fit the certificate ({error})"))
    }

    fn roots(&self, pem: &[u8], now: OffsetDateTime) -> Result<(RootCertStore, OffsetDateTime), Unusable> {
        let mut roots = RootCertStore::empty();
        let mut until = None;
        let mut refused = None;
        for certificate in self.chain(File::Authority, pem)? {
            // Old authorities stand beside new ones while both are in use, so that one good one is enough.
            match self.valid(File::Authority, &certificate, now) {
                Ok(end) => until = Some(until.map_or(end, |longest: OffsetDateTime| longest.max(end))),
                Err(unusable) => {
                    refused = Some(unusable);
                    continue;
                }
            }
            roots.add(certificate).map_err(|error| self.unusable(File::Authority, format!("is refused ({error})")))?;
        }
        match (until, refused) {
            (Some(until), _) => Ok((roots, until)),
            (None, Some(unusable)) => Err(unusable),
            (None, None) => Err(self.unusable(File::Authority, "is empty")),
        }
    }

    fn chain(&self, file: File, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Unusable> {
        let chain = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        match chain {
            Ok(chain) if !chain.is_empty() => Ok(chain),
            _ => Err(self.unusable(file, "is not a certificate in PEM")),
        }
    }

    fn valid(
        &self,
        file: File,
        certificate: &CertificateDer<'_>,
        now: OffsetDateTime,
    ) -> Result<OffsetDateTime, Unusable> {
        let Validity { from, until } =
            validity(certificate).ok_or_else(|| self.unusable(file, "is not a certificate (X.509)"))?;
        if now > until {
            return Err(self.unusable(file, format!("expired at {until}")));
        }
        if now < from {
            return Err(self.unusable(file, format!("is not valid before {from}")));
        }
        Ok(until)
    }
}

type Own = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);
type Made<T> = Result<Arc<T>, Unusable>;
