//! TLS and mutual TLS with certificates made for the moment.

use crate::support::{Client1, Client2, Server, echo_request, get_request, raw};
use axum::http::Version;
use listen::{Guard, Options, Tls, TlsFiles};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// An authority, a server's certificate and a client's, as files.
struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    fn new() -> Certificates {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let made = Certificates { folder: tempfile::tempdir().unwrap() };
        made.write("authority.pem", &authority.pem());
        for (name, host) in [("server", "localhost"), ("client", "someone")] {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new([host.to_string()]).unwrap();
            let certificate = params.signed_by(&key, &authority).unwrap();
            made.write(&format!("{name}.pem"), &(certificate.pem() + &authority.pem()));
            made.write(&format!("{name}.key"), &key.serialize_pem());
        }
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    fn files(&self, is_mutual: bool) -> TlsFiles {
        TlsFiles {
            certificates: self.path("server.pem"),
            key: self.path("server.key"),
            client_authorities: is_mutual.then(|| self.path("authority.pem")),
        }
    }

    async fn server(&self, is_mutual: bool) -> Server {
        let tls = Some(Tls::read(&self.files(is_mutual)).unwrap());
        Server::start(Guard { tls, ..Guard::default() }, Options::default()).await
    }

    /// A client that trusts the authority.
    async fn connect(
        &self,
        server: &Server,
        protocols: &[&str],
        has_certificate: bool,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let chain = |path: &Path| -> Vec<CertificateDer<'static>> {
            CertificateDer::pem_file_iter(path).unwrap().map(Result::unwrap).collect()
        };
        let mut roots = RootCertStore::empty();
        roots.add(chain(&self.path("authority.pem")).remove(0)).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match has_certificate {
            false => builder.with_no_client_auth(),
            true => {
                let key = PrivateKeyDer::from_pem_file(self.path("client.key")).unwrap();
                builder.with_client_auth_cert(chain(&self.path("client.pem")), key).unwrap()
            }
        };
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let name = "localhost".try_into().unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, server.connect().await).await
    }
}

#[tokio::test]
async fn the_client_chooses_the_version_of_http() {
    let certificates = Certificates::new();
    let server = certificates.server(false).await;
    let body = vec![42; 1 << 20];
    for protocols in [&["h2"][..], &["http/1.1", "h2"]] {
        let stream = certificates.connect(&server, protocols, false).await.unwrap();
        let mut client = Client2::over(stream).await;
        let response = client.send(echo_request(body.clone())).await.unwrap();
        assert_eq!((response.version(), response.body() == &body), (Version::HTTP_2, true));
    }
    for protocols in [&["http/1.1"][..], &[]] {
        let stream = certificates.connect(&server, protocols, false).await.unwrap();
        let mut client = Client1::over(stream).await;
        let response = client.send(echo_request(body.clone())).await;
        assert_eq!((response.version(), response.body() == &body), (Version::HTTP_11, true));
    }
    assert!(certificates.connect(&server, &["spdy/3"], false).await.is_err());
}

#[tokio::test]
async fn a_client_without_a_certificate_is_turned_away_where_one_is_asked_for() {
    let certificates = Certificates::new();
    let server = certificates.server(true).await;
    let stream = certificates.connect(&server, &["h2"], true).await.unwrap();
    let mut client = Client2::over(stream).await;
    assert_eq!(client.send(get_request("/healthz")).await.unwrap().status(), 200);
    // In version 1.3 the client learns of it with the first bytes that it reads.
    let mut stream = certificates.connect(&server, &["http/1.1"], false).await.unwrap();
    let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
    let stranger = Certificates::new();
    std::fs::copy(certificates.path("authority.pem"), stranger.path("authority.pem")).unwrap();
    let mut stream = stranger.connect(&server, &["http/1.1"], true).await.unwrap();
    let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(stream.read_to_end(&mut Vec::new()).await.is_err());
}

#[tokio::test]
async fn whoever_does_not_speak_tls_gets_no_answer() {
    let certificates = Certificates::new();
    let server = certificates.server(false).await;
    let said = raw(&server, b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(!said.contains("HTTP"), "{said}");
    let stream = certificates.connect(&server, &["http/1.1"], false).await.unwrap();
    assert_eq!(Client1::over(stream).await.send(get_request("/healthz")).await.status(), 200);
}

#[test]
fn files_that_do_not_serve_are_named_with_the_reason() {
    let certificates = Certificates::new();
    let key = std::fs::read_to_string(certificates.path("server.key")).unwrap();
    certificates.write("text", "no certificate");
    certificates.write("cut", &key[..key.len() / 2]);
    certificates.write("noise", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let error = |chain: &str, key: &str, authority: Option<&str>| {
        let files = TlsFiles {
            certificates: certificates.path(chain),
            key: certificates.path(key),
            client_authorities: authority.map(|name| certificates.path(name)),
        };
        let error = Tls::read(&files).unwrap_err().to_string();
        error.replace(&format!("{}/", certificates.folder.path().display()), "")
    };
    for (found, expected) in [
        (error("none", "server.key", None), "none: No such file"),
        (
            error("text", "server.key", None),
            "text: expected a PEM file with a certificate, found none",
        ),
        (
            error("server.key", "server.key", None),
            "server.key: expected a PEM file with a certificate",
        ),
        (
            error("server.pem", "server.pem", None),
            "server.pem: expected a PEM file with a private key",
        ),
        (error("server.pem", "cut", None), "cut: damaged PEM: a section has no end"),
        (error("noise", "server.key", None), "noise: not a certificate that can be used: "),
        (
            error("server.pem", "client.key", None),
            "client.key is not the key of the first certificate in server.pem",
        ),
        (
            error("server.pem", "server.key", Some("text")),
            "text: expected a PEM file with a certificate",
        ),
        (
            error("server.pem", "server.key", Some("noise")),
            "noise: not a certificate that can be used: ",
        ),
    ] {
        assert!(found.starts_with(expected), "expected {expected:?}, found {found:?}");
        assert!(!found.contains("MIG"), "no bytes of a key: {found}");
    }
}
