//! What `schooner serve` asks of its clients: TLS, keys, rates.

use crate::error::Error;
use clap::Args;
use listen::{Guard, Keys, RateLimit, Tls, TlsFiles};
use std::num::NonZeroU32;
use std::path::PathBuf;

/// Flags about the door of the server.
#[derive(Debug, Args)]
#[command(next_help_heading = "Clients")]
pub(crate) struct ListenOptions {
    /// Serve over TLS with this certificate, a PEM file; those that signed it follow in it
    #[arg(long, value_name = "FILE", requires = "tls_key", env = "SCHOONER_TLS_CERT")]
    tls_cert: Option<PathBuf>,

    /// The private key of the certificate, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert", env = "SCHOONER_TLS_KEY")]
    tls_key: Option<PathBuf>,

    /// Take only clients whose certificate one of these authorities signed, a PEM file
    #[arg(long, value_name = "FILE", requires = "tls_cert", env = "SCHOONER_TLS_CLIENT_CA")]
    tls_client_ca: Option<PathBuf>,

    /// Take only requests with a key: a file with NAME:HASH in each line, where HASH is what
    /// `printf %s KEY | sha256sum` prints
    #[arg(long, value_name = "FILE", env = "SCHOONER_API_KEYS")]
    api_keys: Option<PathBuf>,

    /// Most requests a second from one client, by its key or else by its address
    #[arg(long, value_name = "N", env = "SCHOONER_RATE_LIMIT")]
    rate_limit: Option<NonZeroU32>,
}

impl ListenOptions {
    /// Reads the files.
    pub(crate) fn guard(&self) -> Result<Guard, Error> {
        let tls = match (&self.tls_cert, &self.tls_key) {
            (Some(certificates), Some(key)) => {
                let files = TlsFiles {
                    certificates: certificates.clone(),
                    key: key.clone(),
                    client_authorities: self.tls_client_ca.clone(),
                };
                Some(Tls::read(&files).map_err(|error| Error::Failure(error.to_string()))?)
            }
            _ => None,
        };
        let read = |path| Keys::read(path).map_err(|error| Error::Failure(error.to_string()));
        let keys = self.api_keys.as_deref().map(read).transpose()?;
        Ok(Guard { tls, keys, rate_limit: self.rate_limit.map(RateLimit::new) })
    }
}
