//! The operator's authority: certificates for the broker and for whoever may talk to it, and for nothing else.

use hwc_vault::Fingerprint;
use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, date_time_ymd,
};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{Member, OperatorError};

/// How long the authority's own certificate runs, in years.
const AUTHORITY_YEARS: i16 = 20;
/// How long everybody else's certificate runs, in days: two years, so that renewing is nothing forgotten.
const CERTIFICATE_DAYS: i64 = 730;

/// Signs certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate that was signed.
pub(crate) struct Signed {
    /// PEM.
    pub(crate) certificate: String,
    /// SHA-256 of its public key: what the broker's list holds.
    pub(crate) hash: [u8; 32],
    /// The day it runs out.
    pub(crate) until: Date,
}

/// A key and its certificate, PEM.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: Zeroizing<String>,
    pub(crate) until: Date,
}

/// A signing request that is well formed and signed by its own key.
#[derive(Debug)]
pub(crate) struct SigningRequest(CertificateSigningRequestParams);

impl Authority {
    /// Makes a new authority.
    pub(crate) fn begin(now: Timestamp) -> Result<Pair, OperatorError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new([])?;
        params.distinguished_name = named("Handle with Care, operator");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let today = day(now);
        let until = today.saturating_add(AUTHORITY_YEARS.years());
        run(&mut params, today, until);
        let certificate = params.self_signed(&key)?.pem();
        Ok(Pair { certificate, key: key.serialize_pem().into(), until })
    }

    /// The authority with this certificate and key, PEM.
    pub(crate) fn read(certificate: &str, key: &str) -> Result<Self, OperatorError> {
        Ok(Self { issuer: Issuer::from_ca_cert_pem(certificate, KeyPair::from_pem(key)?)? })
    }

    /// A key and a certificate for the broker, under these names and addresses.
    pub(crate) fn broker(&self, names: &[String], now: Timestamp) -> Result<Pair, OperatorError> {
        let mut params = CertificateParams::new(names).map_err(|_| OperatorError::BrokerName)?;
        params.distinguished_name = named("Handle with Care, broker");
        // To the other brokers of a cluster it is a client, too.
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let until = leaf(&mut params, now);
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(Pair { certificate, key: key.serialize_pem().into(), until })
    }

    /// A certificate for a member, over the key in its request. Nothing else of the request is believed.
    pub(crate) fn member(
        &self,
        member: &Member,
        request: &SigningRequest,
        now: Timestamp,
    ) -> Result<Signed, OperatorError> {
        let mut params = CertificateParams::new([])?;
        params.distinguished_name = named(&member.to_string());
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let until = leaf(&mut params, now);
        let certificate = params.signed_by(&request.0.public_key, &self.issuer)?.pem();
        Ok(Signed { certificate, hash: request.hash(), until })
    }
}

impl SigningRequest {
    /// A new key, PEM, and the request for a certificate over it.
    pub(crate) fn make(member: &Member) -> Result<(Zeroizing<String>, String), OperatorError> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new([])?;
        params.distinguished_name = named(&member.to_string());
        let request = params.serialize_request(&key)?.pem()?;
        Ok((key.serialize_pem().into(), request))
    }

    /// Reads a request; its own signature must fit.
    pub(crate) fn read(pem: &str) -> Result<Self, OperatorError> {
        Ok(Self(CertificateSigningRequestParams::from_pem(pem)?))
    }

    /// SHA-256 of the public key.
    pub(crate) fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.public_key.subject_public_key_info()).into()
    }

    /// For people.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.0.public_key.subject_public_key_info())
    }
}

/// SHA-256 of the public key that belongs to a private key (PEM), as a broker's list of certificates has it.
pub(crate) fn hash_of(key: &str) -> Result<[u8; 32], OperatorError> {
    Ok(Sha256::digest(KeyPair::from_pem(key)?.subject_public_key_info()).into())
}

/// What every certificate but the authority's own has; gives the day it runs out.
fn leaf(params: &mut CertificateParams, now: Timestamp) -> Date {
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    let today = day(now);
    let until = today.saturating_add(CERTIFICATE_DAYS.days());
    run(params, today, until);
    until
}

fn named(name: &str) -> DistinguishedName {
    let mut named = DistinguishedName::new();
    named.push(DnType::CommonName, name);
    named
}

pub(crate) fn day(now: Timestamp) -> Date {
    now.to_zoned(TimeZone::UTC).date()
}

/// From yesterday, because not every machine's clock is right.
fn run(params: &mut CertificateParams, today: Date, until: Date) {
    let moment =
        |day: Date| date_time_ymd(day.year().into(), day.month().unsigned_abs(), day.day().unsigned_abs());
    params.not_before = moment(today.saturating_sub(1.day()));
    params.not_after = moment(until);
}
