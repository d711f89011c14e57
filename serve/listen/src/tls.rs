//! The certificate that the server shows, and those that it asks for.

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{Error as RustlsError, RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// How a listener speaks TLS, versions 1.2 and 1.3. Cheap to clone.
#[derive(Clone)]
pub struct Tls(pub(crate) TlsAcceptor);

/// Where certificates and keys lie, as PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate first, then those between it and the root.
    pub certificates: PathBuf,
    /// The private key of the first certificate.
    pub key: PathBuf,
    /// Certificates of which one must have signed a client's; without it clients need none.
    pub client_authorities: Option<PathBuf>,
}

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    #[expect(missing_docs, reason = "the fields are the words of the text above")]
    Unreadable { path: PathBuf, error: std::io::Error },
    /// The file has no section of this kind.
    #[error(
        "{}: expected a PEM file with {expected}, found none; it begins with `-----BEGIN`",
        path.display()
    )]
    #[expect(missing_docs, reason = "the fields are the words of the text above")]
    Missing { path: PathBuf, expected: &'static str },
    /// The file is damaged.
    #[error("{}: damaged PEM: {reason}", path.display())]
    #[expect(missing_docs, reason = "the fields are the words of the text above")]
    Damaged { path: PathBuf, reason: String },
    /// The certificate is none, or not one that can be used.
    #[error("{}: not a certificate that can be used: {reason}", path.display())]
    #[expect(missing_docs, reason = "the fields are the words of the text above")]
    BadCertificate { path: PathBuf, reason: String },
    /// The key is none, or of a kind that is not known.
    #[error("{}: expected a private key for RSA, ECDSA or Ed25519: {reason}", path.display())]
    #[expect(missing_docs, reason = "the fields are the words of the text above")]
    BadKey { path: PathBuf, reason: String },
    /// The key is another certificate's.
    #[error(
        "{} is not the key of the first certificate in {}; the server's own certificate stands \
         before those that signed it", key.display(), certificates.display()
    )]
    #[expect(missing_docs, reason = "the fields are the words of the text above")]
    Mismatch { key: PathBuf, certificates: PathBuf },
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// When a file cannot be read or is something else, or the key does not fit the certificate.
    pub fn read(files: &TlsFiles) -> Result<Tls, TlsError> {
        let chain = certificates(&files.certificates)?;
        let key = private_key(&files.key)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let bad_certificate = |path: &Path, reason: String| TlsError::BadCertificate {
            path: path.to_path_buf(),
            reason,
        };
        let builder = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|error| bad_certificate(&files.certificates, error.to_string()))?;
        let builder = match &files.client_authorities {
            None => builder.with_no_client_auth(),
            Some(path) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates(path)? {
                    let added = roots.add(certificate);
                    added.map_err(|error| bad_certificate(path, error.to_string()))?;
                }
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                        .build()
                        .map_err(|error| bad_certificate(path, error.to_string()))?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| match error {
            RustlsError::InconsistentKeys(_) => TlsError::Mismatch {
                key: files.key.clone(),
                certificates: files.certificates.clone(),
            },
            RustlsError::InvalidCertificate(reason) => {
                bad_certificate(&files.certificates, format!("{reason:?}"))
            }
            error => TlsError::BadKey { path: files.key.clone(), reason: error.to_string() },
        })?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Tls(TlsAcceptor::from(Arc::new(config))))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(TlsError::Missing { path: path.to_path_buf(), expected: "a certificate" }),
        Err(error) => Err(unreadable(path, "a certificate", &error)),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let bytes = read(path)?;
    let expected = "a private key that no password protects";
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| unreadable(path, expected, &error))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::Unreadable { path: path.to_path_buf(), error })
}

fn unreadable(path: &Path, expected: &'static str, error: &PemError) -> TlsError {
    let path = path.to_path_buf();
    match error {
        PemError::NoItemsFound => TlsError::Missing { path, expected },
        // What the others hold are bytes of the file, which may be the key's.
        PemError::MissingSectionEnd { .. } => {
            TlsError::Damaged { path, reason: "a section has no end".to_string() }
        }
        PemError::Base64Decode(_) => {
            TlsError::Damaged { path, reason: "a section is not base64".to_string() }
        }
        _ => TlsError::Damaged { path, reason: "not what the format allows".to_string() },
    }
}
