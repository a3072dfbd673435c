//! Connections that are secured: certificates of one authority on both sides, before anything else is said.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use hwc_broker::Broker;
use hwc_jetstream::{Address, Credential, Door, DoorError, Link, LinkError, TlsFiles, permissions};
use hwc_schemas::Organisation;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    PublicKeyData as _,
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// A certificate with its key and this authority's own, in a new folder.
    fn files(&self, folder: &Path, names: &[&str], usage: ExtendedKeyUsagePurpose) -> TlsFiles {
        fs::create_dir_all(folder).unwrap();
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages.push(usage);
        let key = KeyPair::generate().unwrap();
        let files = TlsFiles::in_folder(folder);
        fs::write(&files.ca, self.0.pem()).unwrap();
        fs::write(&files.certificate, params.signed_by(&key, &self.0).unwrap().pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        fs::set_permissions(&files.key, Permissions::from_mode(0o600)).unwrap();
        files
    }
}

struct Secured {
    broker: Broker,
    accounts: String,
    engine: Credential,
    school: (Organisation, Credential),
    authority: Authority,
    folder: TempDir,
}

impl Secured {
    async fn start(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new("ours");
        let own = authority.files(&folder.path().join("own"), names, ExtendedKeyUsagePurpose::ServerAuth);
        let engine = Credential::generate();
        let school: (Organisation, _) = ("school-01AA00".parse().unwrap(), Credential::generate());
        let accounts = permissions::accounts(&engine.public(), &[(school.0.clone(), school.1.public())]);
        let settings = hwc_broker::Settings {
            accounts: accounts.clone() + &permissions::tls(&own, &[]),
            secured: true,
            ..hwc_broker::Settings::in_folder(folder.path().join("broker"))
        };
        Self { broker: Broker::start(settings).await.unwrap(), accounts, engine, school, authority, folder }
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn client(&self, authority: &Authority, name: &str) -> TlsFiles {
        authority.files(&self.folder(name), &[], ExtendedKeyUsagePurpose::ClientAuth)
    }

    async fn link(&self, tls: TlsFiles) -> Result<Link, LinkError> {
        Link::connect(Address::secured(self.broker.client_url(), tls), Some(&self.engine)).await
    }
}

#[tokio::test]
async fn who_has_a_certificate_of_the_authority_and_a_known_key_gets_in() {
    let region = Secured::start(&["127.0.0.1"]).await;
    let tls = region.client(&region.authority, "engine");
    let link = region.link(tls.clone()).await.unwrap();
    assert!(link.health().borrow().connected);
    let (school, key) = region.school.clone();
    let at = Address::secured(region.broker.client_url(), tls.clone());
    Door::connect(&at, &key, school.clone()).await.unwrap();
    let stranger = Door::connect(at, &Credential::generate(), school).await.unwrap_err();
    assert!(matches!(stranger, DoorError::Link(LinkError::NotAdmitted(_))), "{stranger:?}");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_and_the_remedy_said() {
    let region = Secured::start(&["127.0.0.1"]).await;
    let other = Authority::new("theirs");
    let mut tls = region.client(&other, "stranger");
    // It knows the right broker, and shows the wrong face.
    tls.ca = region.client(&region.authority, "honest").ca;
    let refused = region.link(tls).await.unwrap_err();
    assert_eq!(refused, LinkError::CertificateRefused);
    assert!(refused.to_string().contains("Ask the operator"), "{refused}");
}

#[tokio::test]
async fn who_shows_no_certificate_gets_no_word() {
    let region = Secured::start(&["127.0.0.1"]).await;
    let tls = region.client(&region.authority, "engine");
    let seed = region.folder("engine.nk");
    region.engine.write(&seed).unwrap();
    let seed = fs::read_to_string(&seed).unwrap().trim().to_owned();
    let refused = async_nats::ConnectOptions::with_nkey(seed)
        .tls_first()
        .add_root_certificates(tls.ca)
        .connect(region.broker.client_url())
        .await
        .unwrap_err();
    let said = std::error::Error::source(&refused).map(ToString::to_string).unwrap_or_default();
    assert!(said.contains("CertificateRequired"), "{refused}: {said}");
}

#[tokio::test]
async fn a_broker_of_another_authority_is_not_believed() {
    let region = Secured::start(&["127.0.0.1"]).await;
    let tls = region.client(&Authority::new("theirs"), "misled");
    let refused = region.link(tls).await.unwrap_err();
    assert!(matches!(refused, LinkError::NotTheBroker(_)), "{refused:?}");
    assert!(refused.to_string().contains("ca.pem"), "{refused}");
}

#[tokio::test]
async fn a_broker_under_another_name_is_not_believed() {
    let region = Secured::start(&["broker.example"]).await;
    let tls = region.client(&region.authority, "engine");
    let refused = region.link(tls).await.unwrap_err();
    assert!(matches!(refused, LinkError::NotTheBroker(_)), "{refused:?}");
    assert!(refused.to_string().contains("not for this address"), "{refused}");
}

#[tokio::test]
async fn a_servers_certificate_does_not_pass_for_a_clients() {
    let region = Secured::start(&["127.0.0.1"]).await;
    let tls =
        region.authority.files(&region.folder("x"), &["127.0.0.1"], ExtendedKeyUsagePurpose::ServerAuth);
    assert_eq!(region.link(tls).await.unwrap_err(), LinkError::CertificateRefused);
}

#[tokio::test]
async fn a_key_that_is_not_its_certificates_is_named() {
    let region = Secured::start(&["127.0.0.1"]).await;
    let mut tls = region.client(&region.authority, "engine");
    tls.key = region.client(&region.authority, "other").key;
    let refused = region.link(tls).await.unwrap_err();
    assert!(matches!(refused, LinkError::TlsFile(_)), "{refused:?}");
}

#[tokio::test]
async fn without_tls_nobody_gets_a_word() {
    let region = Secured::start(&["127.0.0.1"]).await;
    let plain = region.broker.client_url().replace("tls://", "nats://");
    let refused = Link::connect(plain, Some(&region.engine)).await.unwrap_err();
    assert_eq!(refused, LinkError::Silent);
    assert!(refused.to_string().contains("TLS"), "{refused}");
}

#[tokio::test]
async fn a_connection_comes_back_through_a_restart_with_tls() {
    let mut region = Secured::start(&["127.0.0.1"]).await;
    let link = region.link(region.client(&region.authority, "engine")).await.unwrap();
    let mut health = link.health();
    region.broker.restart().await.unwrap();
    health.wait_for(|health| health.connections == 2 && health.connected).await.unwrap();
}

#[tokio::test]
async fn a_certificate_that_is_taken_off_the_list_is_refused_although_the_authority_signed_it() {
    let mut region = Secured::start(&["127.0.0.1"]).await;
    let (kept, dropped) = (region.client(&region.authority, "a"), region.client(&region.authority, "b"));
    let stays = region.link(kept.clone()).await.unwrap();
    let goes = region.link(dropped.clone()).await.unwrap();
    let own = TlsFiles::in_folder(&region.folder("own"));
    let accounts = region.accounts.clone() + &permissions::tls(&own, &[hash(&kept)]);
    region.broker.reload(accounts).await.unwrap();

    assert_eq!(region.link(dropped).await.unwrap_err(), LinkError::CertificateRefused);
    region.link(kept).await.unwrap();
    goes.health().wait_for(|health| !health.connected && health.tried > 1).await.unwrap();
    assert_eq!(stays.health().borrow().connections, 1);
}

/// What the broker's list holds of a certificate.
fn hash(files: &TlsFiles) -> [u8; 32] {
    let key = KeyPair::from_pem(&fs::read_to_string(&files.key).unwrap()).unwrap();
    Sha256::digest(key.subject_public_key_info()).into()
}
