//! Over TLS: who shows a certificate of the right authority hears it, and nobody else.

use std::{fs, path::Path, sync::Arc, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::net::TcpListener;

use crate::{
    ground::{School, signal, webhook},
    receiver::{Does, Receiver, SECRET},
};

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A receiver whose certificate is by this authority.
async fn secured(by: &CertifiedIssuer<'static, KeyPair>) -> Receiver {
    let key = KeyPair::generate().unwrap();
    let signed = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, by).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(signed.pem().as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let receiver = Receiver::at(listener.local_addr().unwrap(), &[Does::Says(200)]);
    let serving = receiver.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(stream) = acceptor.accept(stream).await {
                serving.hear(stream).await;
            }
        }
    });
    receiver
}

fn school(receiver: &Receiver, ca: &Path) -> School {
    School::by(webhook(&format!("https://localhost:{}/hook", receiver.address.port()), Some(ca)))
}

#[tokio::test]
async fn only_a_receiver_of_the_authority_that_is_named_hears_anything() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (authority(), authority());
    let ca = folder.path().join("ca.pem");
    fs::write(&ca, ours.pem()).unwrap();
    let stranger = secured(&theirs).await;
    let mistaken = school(&stranger, &ca);
    let mut failing = mistaken.bell.failing();
    let _task = mistaken.gets(signal(1));
    let said = failing.wait_for(Option::is_some).await.unwrap().clone().unwrap();
    assert!(said.contains("no connection that can be believed"), "{said}");
    assert_eq!(stranger.calls().len(), 0);

    let receiver = secured(&ours).await;
    let school = school(&receiver, &ca);
    let _task = school.gets(signal(1));
    let heard = tokio::time::timeout(Duration::from_secs(30), receiver.waits_for(1)).await.unwrap();
    assert!(heard[0].is_signed_by(SECRET));
}
