//! TLS: our own authority, our own certificate, and nobody else.

use std::{fs, path::Path, sync::Arc};

use hwc_brp::{Access, Caller, Credential, Limits, Tls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { pem, issuer: Issuer::new(params, key) }
}

/// A certificate and its key, in PEM.
fn issued(by: &Authority) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.signed_by(&key, &by.issuer).unwrap().pem(), key.serialize_pem())
}

/// A server that wants a certificate of an authority, shakes hands with whoever comes and says one line of HTTP.
async fn server(by: &Authority, wants: &Authority) -> (String, tokio::task::JoinHandle<usize>) {
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(wants.pem.as_bytes()).unwrap()).unwrap();
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .unwrap();
    let (certificate, key) = issued(by);
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()],
            PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}/personen", listener.local_addr().unwrap().port());
    let serving = tokio::spawn(async move {
        let mut served = 0;
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut request = vec![0; 8192];
            if stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                served += 1;
                let body = r#"{"type":"ZoekMetPostcodeEnHuisnummer","personen":[]}"#;
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
                stream.write_all((head + body).as_bytes()).await.unwrap();
                let _ = stream.shutdown().await;
            }
            if served == 1 {
                break;
            }
        }
        served
    });
    (url, serving)
}

fn caller(folder: &Path, url: &str, believes: &Authority, own: Option<(String, String)>) -> Caller {
    let ca = folder.join("ca.pem");
    fs::write(&ca, &believes.pem).unwrap();
    let own = own.map(|(certificate, key)| {
        let (certificate_file, key_file) = (folder.join("own.pem"), folder.join("own.key"));
        fs::write(&certificate_file, certificate).unwrap();
        fs::write(&key_file, key).unwrap();
        fs::set_permissions(&key_file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        (certificate_file, key_file)
    });
    let tls = Some(Tls { ca, own });
    let access = Access { persons: url.to_owned(), occupancy: None, credential: Credential::Nothing, tls };
    Caller::new(access, Limits::default()).unwrap()
}

#[tokio::test]
async fn only_the_named_authority_is_believed_and_our_certificate_is_shown() {
    let (ours, theirs, strange) = (authority(), authority(), authority());
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let (url, serving) = server(&theirs, &ours).await;
    // A server of another authority is not asked, and one that wants a certificate gives nobody else an answer.
    assert!(!answers(&caller(folder.path(), &url, &strange, Some(issued(&ours)))).await);
    assert!(!answers(&caller(folder.path(), &url, &theirs, None)).await);
    assert!(!answers(&caller(folder.path(), &url, &theirs, Some(issued(&strange)))).await);
    assert!(answers(&caller(folder.path(), &url, &theirs, Some(issued(&ours)))).await);
    assert_eq!(serving.await.unwrap(), 1);
}

async fn answers(caller: &Caller) -> bool {
    caller.is_there(jiff::Timestamp::now()).await.is_ok()
}
