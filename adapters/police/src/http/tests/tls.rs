//! Over TLS, with a client that shows a certificate, another one's, or none.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

/// A certificate and its key, as files.
#[derive(Clone)]
struct Pair {
    certificate: PathBuf,
    key: PathBuf,
}

impl Authority {
    fn new(folder: &Path, name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = folder.join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
        Self { issuer, folder }
    }

    fn certificate(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> Pair {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &self.issuer).unwrap();
        let place = |ending: &str| self.folder.join(format!("{name}.{ending}"));
        std::fs::write(place("pem"), signed.pem()).unwrap();
        std::fs::write(place("key"), key.serialize_pem()).unwrap();
        Pair { certificate: place("pem"), key: place("key") }
    }
}

/// The first line of the answer, if there is one.
async fn post(address: std::net::SocketAddr, ca: &Path, shown: Option<&Pair>) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let config = match shown {
        None => config.with_no_client_auth(),
        Some(Pair { certificate, key }) => {
            let chain = vec![CertificateDer::from_pem_file(certificate).unwrap()];
            config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key).unwrap()).unwrap()
        }
    };
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.ok()?;
    let length = REPORT.len();
    let request = format!(
        "POST /v1/reports HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{REPORT}"
    );
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut text = Vec::new();
    let read = stream.read_to_end(&mut text).await;
    let text = String::from_utf8(text).unwrap();
    // Whoever is not let in hears so after the handshake at the earliest.
    text.lines().next().map(str::to_owned).filter(|_| read.is_ok() || text.contains("\r\n\r\n"))
}

#[tokio::test]
async fn only_who_shows_a_certificate_of_the_right_authority_can_say_anything() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Authority::new(folder.path(), "ours"), Authority::new(folder.path(), "theirs"));
    let server = ours.sign("server", ExtendedKeyUsagePurpose::ServerAuth);
    let files = TlsFiles {
        certificate: server.certificate.clone(),
        key: server.key.clone(),
        client_ca: Some(ours.certificate()),
    };
    let listening = Listening::bind("127.0.0.1:0".parse().unwrap(), Some(&files), None).await.unwrap();
    let address = listening.address();
    let relay = relay(&[Answer::Recorded]);
    let serving = tokio::spawn(listening.serve(move |gate| service(relay, gate)));
    let stranger = theirs.sign("client", ExtendedKeyUsagePurpose::ClientAuth);
    for shown in [None, Some(&stranger)] {
        assert_eq!(post(address, &ours.certificate(), shown).await, None);
    }
    assert_eq!(relay.sent.load(Ordering::Relaxed), 0);
    let client = ours.sign("client", ExtendedKeyUsagePurpose::ClientAuth);
    let said = post(address, &ours.certificate(), Some(&client)).await;
    assert_eq!(said.as_deref(), Some("HTTP/1.1 201 Created"));
    serving.abort();
}

#[tokio::test]
async fn files_that_are_no_certificates_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("tls.pem"), folder.path().join("tls.key"));
    std::fs::write(&certificate, "Geheim").unwrap();
    std::fs::write(&key, "Geheim").unwrap();
    let files = TlsFiles { certificate: certificate.clone(), key, client_ca: None };
    let clients = Clients::read(TOKENS).ok();
    let refused = Listening::bind("127.0.0.1:0".parse().unwrap(), Some(&files), clients)
        .await
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("tls.") && !refused.contains("Geheim"), "{refused}");
}
