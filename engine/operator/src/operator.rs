//! The operator's folder, and what is done at the desk.

use std::{
    fs::{self, DirBuilder, File, TryLockError},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use hwc_jetstream::{TlsFiles, permissions::AccountLimits};
use hwc_vault::{Fingerprint, Guard, OperatorKey, OperatorPublicKey, SealingKeys, create, read, replace};
use jiff::{Timestamp, civil::Date};

use crate::{
    Member, OperatorError, Reloaded, Request, Shown,
    authority::{Authority, Pair, day},
    config,
    keys::{self, AUTHORITY, DIRECTORY, OPERATOR, REQUEST, TLS_CERTIFICATE, TLS_KEY},
    register::{BrokerSettings, Register},
    reload,
};

const REGISTER: &str = "register.json";
const SIGNING_KEY: &str = "operator.nk";
const AUTHORITY_KEY: &str = "ca.key";
const ACCOUNTS: &str = "accounts.conf";
const SERVER: &str = "nats-server.conf";
/// How long it is waited for whoever is at the desk.
const DESK_FREE_WITHIN: Duration = Duration::from_secs(2);
const PEM_BYTES_MAX: usize = 64 * 1024;

/// The desk, with nobody else at it.
pub struct Operator {
    folder: PathBuf,
    register: Register,
    key: OperatorKey,
    _held: File,
}

/// What a region's operator begins with.
#[derive(Debug, Clone)]
pub struct Begin {
    /// The operator's folder; it must not be there yet.
    pub folder: PathBuf,
    /// Under which names and addresses the broker is reached, without a port.
    pub broker_names: Vec<String>,
    /// Where the broker writes its process number; by itself `broker/nats-server.pid` in the folder.
    pub pid_file: Option<PathBuf>,
    /// Where the broker writes its log; by itself `broker/nats-server.log` in the folder.
    pub log_file: Option<PathBuf>,
    /// The program `nats-server`; by itself the one that is found.
    pub program: Option<PathBuf>,
}

/// Where a member's keys come from.
#[derive(Debug)]
pub enum Credentials {
    /// It made them itself and asks with this request, whose fingerprint was read out by telephone.
    Requested(Box<Request>, Fingerprint),
    /// They are made here: for try-outs, because then the operator has seen them.
    MadeHere,
}

/// What came of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The directory's serial now.
    pub serial: u64,
    /// The folder that goes to the member, if there is something to hand over.
    pub handover: Option<PathBuf>,
    /// What became of the running broker.
    pub reloaded: Reloaded,
}

impl Operator {
    /// Begins a region: makes the folder, all or nothing.
    pub async fn begin(begin: &Begin, now: Timestamp) -> Result<Self, OperatorError> {
        let folder = std::path::absolute(&begin.folder).map_err(OperatorError::at(&begin.folder))?;
        if folder.exists() {
            return Err(OperatorError::Exists(folder));
        }
        let new = keys::beside(&folder);
        keys::clear(&new)?;
        let broker = new.join("broker");
        for one in [&new, &broker, &new.join("handover")] {
            private(one)?;
        }
        let authority = Authority::begin(now)?;
        create(&new.join(AUTHORITY_KEY), authority.key.as_bytes())?;
        create(&new.join(AUTHORITY), authority.certificate.as_bytes())?;
        let key = OperatorKey::generate();
        key.save(&new.join(SIGNING_KEY))?;
        create(&new.join(OPERATOR), format!("{}\n", key.public_key()).as_bytes())?;
        let signs = Authority::read(&authority.certificate, &authority.key)?;
        let tls = "tls-1".to_owned();
        let pair =
            brokers_pair(&broker.join(&tls), &signs, &authority.certificate, &begin.broker_names, now)?;

        let inside = folder.join("broker");
        let limits = AccountLimits::default();
        let register = Register::begin(BrokerSettings {
            names: begin.broker_names.clone(),
            tls,
            until: pair.until,
            pid_file: absolute(begin.pid_file.as_deref(), &inside.join("nats-server.pid"))?,
            log_file: absolute(begin.log_file.as_deref(), &inside.join("nats-server.log"))?,
            program: begin.program.as_deref().map(|one| absolute(Some(one), one)).transpose()?,
            connections_max: limits.connections_max,
            subscriptions_max: limits.subscriptions_max,
            message_bytes_max: limits.message_bytes_max,
        });
        let server = config::server(ACCOUNTS, &inside.join("store"), &register);
        create(&broker.join(SERVER), server.as_bytes())?;
        register.save(&new.join(REGISTER))?;
        fs::rename(&new, &folder).map_err(OperatorError::at(&folder))?;
        keys::sync_parent(&folder)?;

        let operator = Self::open(&folder)?;
        operator.check(&operator.register).await?;
        operator.write(&operator.register)?;
        Ok(operator)
    }

    /// Sits down at the desk; nobody else may sit there.
    pub fn open(folder: &Path) -> Result<Self, OperatorError> {
        let folder = std::path::absolute(folder).map_err(OperatorError::at(folder))?;
        if !folder.join(REGISTER).exists() {
            return Err(OperatorError::NotAnOperator(folder));
        }
        let path = folder.join("lock");
        let held = File::options().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let held = held.map_err(OperatorError::at(&path))?;
        let since = Instant::now();
        loop {
            match held.try_lock() {
                Ok(()) => break,
                // Whoever was killed may have left a check behind that ends in a moment.
                Err(TryLockError::WouldBlock) if since.elapsed() < DESK_FREE_WITHIN => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(TryLockError::WouldBlock) => return Err(OperatorError::InUse(folder)),
                Err(TryLockError::Error(source)) => return Err(OperatorError::System { path, source }),
            }
        }
        let register = Register::load(&folder.join(REGISTER))?;
        let key = OperatorKey::load(&folder.join(SIGNING_KEY))?;
        Ok(Self { folder, register, key, _held: held })
    }

    /// What everybody knows this operator by.
    pub fn public_key(&self) -> OperatorPublicKey {
        self.key.public_key()
    }

    /// The signed directory's file: what an engine follows.
    pub fn directory_file(&self) -> PathBuf {
        self.folder.join(DIRECTORY)
    }

    /// The configuration to start a broker with.
    pub fn server_file(&self) -> PathBuf {
        self.folder.join("broker").join(SERVER)
    }

    /// The broker's configuration as it follows from who takes part, for a broker that is run by the same program.
    pub fn accounts(&self) -> String {
        self.accounts_of(&self.register)
    }

    pub(crate) const fn register(&self) -> &Register {
        &self.register
    }

    /// A file of the folder that holds the broker's certificate and key.
    pub(crate) fn brokers_file(&self, name: &str) -> Result<zeroize::Zeroizing<Vec<u8>>, OperatorError> {
        let folder = self.folder.join("broker").join(&self.register.broker.tls);
        Ok(read(&folder.join(name), Guard::Secret, PEM_BYTES_MAX)?)
    }

    /// Lets somebody take part.
    pub async fn add(
        &mut self,
        member: &Member,
        credentials: Credentials,
        now: Timestamp,
    ) -> Result<Turn, OperatorError> {
        if self.register.entry(member).is_ok() {
            return Err(OperatorError::Known(member.clone()));
        }
        self.admit(member, credentials, now, |register, request, signed, today| {
            register.add(request, signed, today)
        })
        .await
    }

    /// Gives a member new keys; the old credential and certificate are out at once. `stolen`: somebody else may have the old
    /// ones, so what is in flight under them is not opened any more.
    pub async fn rotate(
        &mut self,
        member: &Member,
        credentials: Credentials,
        stolen: bool,
        now: Timestamp,
    ) -> Result<Turn, OperatorError> {
        self.register.entry(member)?;
        self.admit(member, credentials, now, |register, request, signed, today| {
            register.rotate(request, signed, stolen, today)
        })
        .await
    }

    /// Puts a member out, at once.
    pub async fn revoke(&mut self, member: &Member, now: Timestamp) -> Result<Turn, OperatorError> {
        let mut register = self.register.clone();
        register.revoke(member, day(now))?;
        self.check(&register).await?;
        self.commit(register)?;
        let handover = self.handover(member);
        keys::clear(&handover)?;
        let reloaded = reload::reload(&self.register.broker).await?;
        Ok(Turn { serial: self.register.serial, handover: None, reloaded })
    }

    /// Gives the broker a new certificate, under other names if there are any.
    pub async fn renew_broker(
        &mut self,
        names: Option<Vec<String>>,
        now: Timestamp,
    ) -> Result<Turn, OperatorError> {
        let mut register = self.register.clone();
        register.turn(day(now));
        register.broker.names = names.unwrap_or(register.broker.names);
        let before = std::mem::replace(&mut register.broker.tls, format!("tls-{}", register.serial));
        let folder = self.folder.join("broker").join(&register.broker.tls);
        keys::clear(&folder)?;
        let (authority, certificate) = self.authority()?;
        register.broker.until =
            brokers_pair(&folder, &authority, &certificate, &register.broker.names, now)?.until;
        self.check(&register).await?;
        self.commit(register)?;
        let reloaded = reload::reload(&self.register.broker).await?;
        keys::clear(&self.folder.join("broker").join(before))?;
        Ok(Turn { serial: self.register.serial, handover: None, reloaded })
    }

    /// Makes everything again that follows from the register, and has the broker take it over: after a crash, after a restore,
    /// and now and then, so that earlier keys go when their time is over.
    ///
    /// `after`: the highest serial that anybody has seen, if the folder was restored from a copy that is older; what is signed
    /// from now on is newer than that.
    pub async fn apply(&mut self, after: Option<u64>, now: Timestamp) -> Result<Turn, OperatorError> {
        let mut register = self.register.clone();
        register.pass(day(now));
        if let Some(seen) = after.filter(|seen| register.serial <= *seen) {
            register.serial = seen;
            register.turn(day(now));
        }
        self.check(&register).await?;
        self.commit(register)?;
        let reloaded = reload::reload(&self.register.broker).await?;
        Ok(Turn { serial: self.register.serial, handover: None, reloaded })
    }

    /// What there is to show, and to compare by telephone.
    pub fn show(&self) -> Shown {
        Shown::of(&self.register, &self.public_key(), self.is_applied())
    }

    async fn admit(
        &mut self,
        member: &Member,
        credentials: Credentials,
        now: Timestamp,
        change: impl FnOnce(&mut Register, &Request, crate::authority::Signed, Date) -> Result<(), OperatorError>,
    ) -> Result<Turn, OperatorError> {
        let handover = self.handover(member);
        let new = keys::beside(&handover);
        keys::clear(&new)?;
        let request = match credentials {
            Credentials::Requested(request, fingerprint) => {
                if request.member() != member {
                    let (asked, wanted) = (request.member().clone(), member.clone());
                    return Err(OperatorError::RequestOfAnother { asked, wanted });
                }
                if request.fingerprint() != fingerprint {
                    return Err(OperatorError::OtherFingerprint);
                }
                private(&new)?;
                *request
            }
            Credentials::MadeHere => {
                let earlier = Some(handover.as_path()).filter(|had| had.join(SealingKeys::FILE).exists());
                keys::make(member, &new, earlier)?
            }
        };
        let (authority, certificate) = self.authority()?;
        let signed = authority.member(member, &request.signing, now)?;
        let own = signed.certificate.clone();
        let mut register = self.register.clone();
        change(&mut register, &request, signed, day(now))?;
        self.check(&register).await?;
        self.hand_over(&new, &handover, &own, &certificate, &register)?;
        self.commit(register)?;
        let reloaded = reload::reload(&self.register.broker).await?;
        Ok(Turn { serial: self.register.serial, handover: Some(handover), reloaded })
    }

    /// Puts what a member gets into its folder. It is there before the register says that the member takes part; killed in
    /// between, the same is done again.
    fn hand_over(
        &self,
        new: &Path,
        handover: &Path,
        own: &str,
        authority: &str,
        register: &Register,
    ) -> Result<(), OperatorError> {
        let _ = fs::remove_file(new.join(REQUEST));
        create(&new.join(TLS_CERTIFICATE), own.as_bytes())?;
        create(&new.join(AUTHORITY), authority.as_bytes())?;
        create(&new.join(OPERATOR), format!("{}\n", self.public_key()).as_bytes())?;
        create(&new.join(DIRECTORY), &register.directory().sign(&self.key)?)?;
        let old = handover.with_extension("old");
        keys::clear(&old)?;
        if handover.exists() {
            fs::rename(handover, &old).map_err(OperatorError::at(handover))?;
        }
        fs::rename(new, handover).map_err(OperatorError::at(handover))?;
        keys::sync_parent(handover)?;
        keys::clear(&old)
    }

    /// The register first, for it is what counts; then what follows from it.
    fn commit(&mut self, register: Register) -> Result<(), OperatorError> {
        register.save(&self.folder.join(REGISTER))?;
        self.register = register;
        self.write(&self.register)
    }

    fn write(&self, register: &Register) -> Result<(), OperatorError> {
        replace(&self.folder.join("broker").join(ACCOUNTS), self.accounts_of(register).as_bytes())?;
        Ok(replace(&self.directory_file(), &register.directory().sign(&self.key)?)?)
    }

    async fn check(&self, register: &Register) -> Result<(), OperatorError> {
        // Also that it can be signed, before anything is written.
        register.directory().sign(&self.key)?;
        let candidate = self.folder.join("broker").join(".accounts.candidate");
        reload::check(&self.accounts_of(register), &candidate, &register.broker).await
    }

    fn accounts_of(&self, register: &Register) -> String {
        config::accounts(
            register,
            &TlsFiles::in_folder(&self.folder.join("broker").join(&register.broker.tls)),
        )
    }

    /// Whether what follows from the register lies where it should.
    fn is_applied(&self) -> bool {
        let accounts = fs::read(self.folder.join("broker").join(ACCOUNTS)).unwrap_or_default();
        let directory = hwc_vault::Directory::load(&self.directory_file(), &self.public_key());
        accounts == self.accounts().as_bytes() && directory.is_ok_and(|one| one == self.register.directory())
    }

    /// The folder with what goes to a member.
    pub fn handover(&self, member: &Member) -> PathBuf {
        self.folder.join("handover").join(member.to_string())
    }

    fn authority(&self) -> Result<(Authority, String), OperatorError> {
        let text = |name: &str, guard| {
            let path = self.folder.join(name);
            let bytes = read(&path, guard, PEM_BYTES_MAX)?;
            let text = std::str::from_utf8(&bytes).map(str::to_owned);
            text.map(zeroize::Zeroizing::new)
                .map_err(|_| OperatorError::Certificate(format!("{} is no text", path.display())))
        };
        let certificate = text(AUTHORITY, Guard::Unaltered)?;
        let authority = Authority::read(&certificate, &text(AUTHORITY_KEY, Guard::Secret)?)?;
        Ok((authority, certificate.to_string()))
    }
}

/// A key and a certificate for the broker, in a folder of their own.
fn brokers_pair(
    folder: &Path,
    authority: &Authority,
    certificate: &str,
    names: &[String],
    now: Timestamp,
) -> Result<Pair, OperatorError> {
    let fits = |name: &String| {
        (1..=253).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':'))
            && (!name.contains(':') || name.parse::<std::net::IpAddr>().is_ok())
    };
    if names.is_empty() || !names.iter().all(fits) {
        return Err(OperatorError::BrokerName);
    }
    private(folder)?;
    let pair = authority.broker(names, now)?;
    create(&folder.join(AUTHORITY), certificate.as_bytes())?;
    create(&folder.join(TLS_CERTIFICATE), pair.certificate.as_bytes())?;
    create(&folder.join(TLS_KEY), pair.key.as_bytes())?;
    Ok(pair)
}

fn private(folder: &Path) -> Result<(), OperatorError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(OperatorError::at(folder))
}

fn absolute(given: Option<&Path>, otherwise: &Path) -> Result<PathBuf, OperatorError> {
    let path = given.unwrap_or(otherwise);
    std::path::absolute(path).map_err(OperatorError::at(path))
}
