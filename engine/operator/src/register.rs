//! Who takes part: the one thing that the operator's desk remembers. Everything else follows from it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use hwc_jetstream::{BoardName, PublicNkey, permissions::AccountLimits};
use hwc_schemas::Organisation;
use hwc_vault::{Directory, Fingerprint, Guard, Listed, PublicKey, read, replace};
use jiff::{ToSpan as _, civil::Date};
use serde::{Deserialize, Serialize};

use crate::{Member, OperatorError, Request, authority::Signed};

const VERSION: u32 = 1;
/// Larger than the register of the largest region; a member takes some two kilobytes.
const BYTES_MAX: usize = 64 * 1024 * 1024;
/// Members, at most.
const MEMBERS_MAX: usize = 8_000;
/// How long an earlier key stays listed, in days: longer than anything is in flight (R23).
const EARLIER_FOR_DAYS: i64 = 35;

/// The register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Register {
    version: u32,
    /// The directory's serial: one more with every change.
    pub(crate) serial: u64,
    pub(crate) broker: BrokerSettings,
    pub(crate) members: BTreeMap<Member, Entry>,
    /// Who was put out, with the keys that do not come back.
    pub(crate) revoked: Vec<Revoked>,
}

/// What the operator said about the broker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BrokerSettings {
    /// Under which names and addresses it is reached; its certificate holds them.
    pub(crate) names: Vec<String>,
    /// The folder with its certificate and key, below `broker`: a pair is never half replaced.
    pub(crate) tls: String,
    /// The day its certificate runs out.
    pub(crate) until: Date,
    /// Where it writes its process number.
    pub(crate) pid_file: PathBuf,
    /// Where it writes its log.
    pub(crate) log_file: PathBuf,
    /// The program, if it is not the one that is found by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) program: Option<PathBuf>,
    pub(crate) connections_max: u16,
    pub(crate) subscriptions_max: u16,
    pub(crate) message_bytes_max: usize,
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    pub(crate) nkey: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seal: Option<PublicKey>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) earlier: Vec<Earlier>,
    /// PEM.
    pub(crate) certificate: String,
    /// SHA-256 of the certificate's public key, in hexadecimal digits.
    pub(crate) certificate_key: String,
    pub(crate) since: Date,
    /// The day the certificate runs out.
    pub(crate) until: Date,
}

/// A sealing key of before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Earlier {
    pub(crate) key: PublicKey,
    /// The last day it is listed.
    pub(crate) listed_until: Date,
}

/// Keys that do not come back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revoked {
    pub(crate) member: Member,
    pub(crate) on: Date,
    pub(crate) nkey: String,
    pub(crate) certificate_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) seal: Option<PublicKey>,
}

impl Register {
    pub(crate) fn begin(broker: BrokerSettings) -> Self {
        Self { version: VERSION, serial: 1, broker, members: BTreeMap::new(), revoked: Vec::new() }
    }

    pub(crate) fn load(path: &Path) -> Result<Self, OperatorError> {
        let bytes = read(path, Guard::Secret, BYTES_MAX)?;
        let unreadable = |line| OperatorError::Register { path: path.to_owned(), line };
        let register: Self = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.line()))?;
        if register.version == VERSION { Ok(register) } else { Err(unreadable(1)) }
    }

    pub(crate) fn save(&self, path: &Path) -> Result<(), OperatorError> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| OperatorError::Register { path: path.to_owned(), line: error.line() })?;
        Ok(replace(path, &text)?)
    }

    pub(crate) fn limits(&self) -> AccountLimits {
        let BrokerSettings { connections_max, subscriptions_max, message_bytes_max, .. } = self.broker;
        AccountLimits { connections_max, subscriptions_max, message_bytes_max }
    }

    /// The member's entry, if it takes part.
    pub(crate) fn entry(&self, member: &Member) -> Result<&Entry, OperatorError> {
        self.members.get(member).ok_or_else(|| OperatorError::Unknown(member.clone()))
    }

    /// A new member.
    pub(crate) fn add(
        &mut self,
        request: &Request,
        signed: Signed,
        today: Date,
    ) -> Result<(), OperatorError> {
        if self.members.contains_key(request.member()) {
            return Err(OperatorError::Known(request.member().clone()));
        }
        if self.members.len() >= MEMBERS_MAX {
            return Err(OperatorError::Full(MEMBERS_MAX));
        }
        self.unused(request)?;
        self.members.insert(request.member().clone(), Entry::new(request, signed, Vec::new(), today));
        self.turn(today);
        Ok(())
    }

    /// New keys for a member. Its old credential is gone with this; its old sealing key stays listed for what is in flight,
    /// unless somebody else may have it.
    pub(crate) fn rotate(
        &mut self,
        request: &Request,
        signed: Signed,
        stolen: bool,
        today: Date,
    ) -> Result<(), OperatorError> {
        self.unused(request)?;
        let before = self.entry(request.member())?.clone();
        let mut earlier = Vec::new();
        if !stolen {
            let listed_until = today.saturating_add(EARLIER_FOR_DAYS.days());
            earlier.extend(before.seal.map(|key| Earlier { key, listed_until }));
            earlier.extend(before.earlier.iter().cloned());
            earlier.truncate(Directory::EARLIER_MAX);
        }
        self.put_out(request.member(), &before, today);
        self.members.insert(request.member().clone(), Entry::new(request, signed, earlier, today));
        self.turn(today);
        Ok(())
    }

    /// A member goes, and its keys do not come back.
    pub(crate) fn revoke(&mut self, member: &Member, today: Date) -> Result<(), OperatorError> {
        let before = self.entry(member)?.clone();
        self.put_out(member, &before, today);
        self.members.remove(member);
        self.turn(today);
        Ok(())
    }

    /// Whether anything is different since a day has passed: earlier keys that nothing is in flight for any more go.
    pub(crate) fn pass(&mut self, today: Date) -> bool {
        let over = |earlier: &Earlier| earlier.listed_until < today;
        if !self.members.values().any(|entry| entry.earlier.iter().any(over)) {
            return false;
        }
        self.turn(today);
        true
    }

    /// A change: the serial rises.
    pub(crate) fn turn(&mut self, today: Date) {
        self.serial = self.serial.saturating_add(1);
        for entry in self.members.values_mut() {
            entry.earlier.retain(|earlier| earlier.listed_until >= today);
        }
    }

    fn put_out(&mut self, member: &Member, entry: &Entry, today: Date) {
        let Entry { nkey, certificate_key, seal, .. } = entry.clone();
        self.revoked.push(Revoked { member: member.clone(), on: today, nkey, certificate_key, seal });
    }

    /// Two members with one key would be one member; a key that went does not come back.
    fn unused(&self, request: &Request) -> Result<(), OperatorError> {
        let (nkey, certificate) = (request.nkey.to_string(), hex::encode(request.signing.hash()));
        let used = |n: &str, c: &str, s: Option<PublicKey>| {
            if n == nkey {
                Some(Fingerprint::of(nkey.as_bytes()))
            } else if c == certificate {
                Some(request.signing.fingerprint())
            } else {
                s.filter(|seal| Some(*seal) == request.seal).map(|seal| seal.fingerprint())
            }
        };
        let members = self.members.values().map(|one| (&one.nkey, &one.certificate_key, one.seal));
        let revoked = self.revoked.iter().map(|one| (&one.nkey, &one.certificate_key, one.seal));
        let mut all = members.chain(revoked);
        let listed =
            |key: PublicKey| self.members.values().any(|one| one.earlier.iter().any(|had| had.key == key));
        if let Some(found) = all.find_map(|(n, c, s)| used(n, c, s)) {
            return Err(OperatorError::UsedKey(found));
        }
        match request.seal.filter(|seal| listed(*seal)) {
            Some(seal) => Err(OperatorError::UsedKey(seal.fingerprint())),
            None => Ok(()),
        }
    }

    /// The directory that follows.
    pub(crate) fn directory(&self) -> Directory {
        let mut directory = Directory::with_serial(self.serial);
        for (organisation, entry) in self.organisations() {
            if let Some(key) = entry.seal {
                let earlier = entry.earlier.iter().map(|earlier| earlier.key).collect();
                directory.list(organisation.clone(), Listed { key, earlier });
            }
        }
        directory
    }

    /// The organisations among the members.
    pub(crate) fn organisations(&self) -> impl Iterator<Item = (&Organisation, &Entry)> {
        self.members.iter().filter_map(|(member, entry)| match member {
            Member::Organisation(organisation) => Some((organisation, entry)),
            Member::Engine(_) | Member::Board(_) => None,
        })
    }

    /// The engines' public NKEYs.
    pub(crate) fn engines(&self) -> Vec<PublicNkey> {
        let engines = self.members.iter().filter(|(member, _)| matches!(member, Member::Engine(_)));
        engines.filter_map(|(_, entry)| entry.nkey.parse().ok()).collect()
    }

    /// The boards, with their public NKEYs.
    pub(crate) fn boards(&self) -> Vec<(BoardName, PublicNkey)> {
        let board = |(member, entry): (&Member, &Entry)| match member {
            Member::Board(board) => Some((board.clone(), entry.nkey.parse().ok()?)),
            Member::Engine(_) | Member::Organisation(_) => None,
        };
        self.members.iter().filter_map(board).collect()
    }

    /// The public keys of everybody's certificate, as the broker lists them.
    pub(crate) fn certificates(&self) -> Vec<[u8; 32]> {
        let decoded = |entry: &Entry| {
            let mut hash = [0; 32];
            hex::decode_to_slice(&entry.certificate_key, &mut hash).ok().map(|()| hash)
        };
        self.members.values().filter_map(decoded).collect()
    }
}

impl Entry {
    fn new(request: &Request, signed: Signed, earlier: Vec<Earlier>, today: Date) -> Self {
        Self {
            nkey: request.nkey.to_string(),
            seal: request.seal,
            earlier,
            certificate: signed.certificate,
            certificate_key: hex::encode(signed.hash),
            since: today,
            until: signed.until,
        }
    }
}
