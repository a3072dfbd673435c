//! Whom a mail server must be: its certificate must be from an authority that is believed, and say its name.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use crate::PostError;

/// A client that believes these authorities (PEM), or else the machine's own.
pub(crate) fn client(ca: Option<&[u8]>) -> Result<Arc<ClientConfig>, PostError> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = ca {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate.map_err(|_| PostError::Ca)?).map_err(|_| PostError::Ca)?;
        }
        if roots.is_empty() {
            return Err(PostError::Ca);
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(PostError::NoAuthorities);
        }
    }
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|_| PostError::Setting("no version of TLS that is safe"))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(client))
}
