//! On a real connection: TLS, bounds and the polite stop.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use hwc_web::{Listening, TlsFiles};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
    task::JoinHandle,
};

use crate::browser::{Desk, HOST};

struct Shown {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

async fn shown(tls: Option<&TlsFiles>) -> Shown {
    let desk = Desk::open();
    let listening = Listening::bind("127.0.0.1:0".parse().unwrap(), tls).await.unwrap();
    let (address, (stop, told)) = (listening.address(), watch::channel(false));
    let serving = tokio::spawn(listening.serve(desk.pages(), told, Duration::from_secs(5)));
    Shown { address, stop, serving }
}

fn request(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
}

async fn answer(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut seen = Vec::new();
    let mut some = [0; 4096];
    while !String::from_utf8_lossy(&seen).contains("</html>") {
        match stream.read(&mut some).await {
            Ok(0) | Err(_) => break,
            Ok(count) => seen.extend_from_slice(&some[..count]),
        }
    }
    String::from_utf8_lossy(&seen).into_owned()
}

#[tokio::test]
async fn a_page_comes_over_tls_and_nothing_comes_without() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let file = |name| folder.path().join(name);
    let files = TlsFiles { certificate: file("tls.pem"), key: file("tls.key"), client_ca: None };
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    let shown = shown(Some(&files)).await;

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config =
        rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let stream = TcpStream::connect(shown.address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(ServerName::try_from(HOST).unwrap(), stream).await.unwrap();
    stream.write_all(request("/login").as_bytes()).await.unwrap();
    assert!(answer(&mut stream).await.contains("Inloggen"));

    let mut plain = TcpStream::connect(shown.address).await.unwrap();
    plain.write_all(request("/login").as_bytes()).await.unwrap();
    assert!(!answer(&mut plain).await.contains("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let shown = shown(None).await;
    let mut stream = TcpStream::connect(shown.address).await.unwrap();
    let endless = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX: {}\r\n\r\n", "a".repeat(100_000));
    let _ = stream.write_all(endless.as_bytes()).await;
    let said = answer(&mut stream).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn who_asks_nothing_is_not_waited_for() {
    let shown = shown(None).await;
    let mut stream = TcpStream::connect(shown.address).await.unwrap();
    stream.write_all(b"GET / HT").await.unwrap();
    // Returns once the other side hangs up; with nobody else to wait for, time passes by itself.
    assert_eq!(answer(&mut stream).await.matches("200").count(), 0);
}

#[tokio::test]
async fn a_polite_stop_answers_who_is_there_and_takes_nobody_new() {
    let shown = shown(None).await;
    let mut stream = TcpStream::connect(shown.address).await.unwrap();
    stream.write_all(request("/login").as_bytes()).await.unwrap();
    assert!(answer(&mut stream).await.contains("Inloggen"));
    shown.stop.send_replace(true);
    tokio::time::timeout(Duration::from_secs(20), shown.serving).await.expect("it stops").unwrap();
    let mut left = Vec::new();
    stream.read_to_end(&mut left).await.unwrap();
    assert!(TcpStream::connect(shown.address).await.is_err());
}
