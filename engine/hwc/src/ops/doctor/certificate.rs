//! Our own certificate: from when until when it is good.

use std::{fs::File, io::Read as _, path::Path};

use jiff::Timestamp;

/// The largest certificate file that is read, in bytes.
const BYTES_MAX: u64 = 256 * 1024;

/// From when until when a certificate is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ops) struct Validity {
    pub(in crate::ops) from: Timestamp,
    pub(in crate::ops) until: Timestamp,
}

/// Reads `tls.pem` in the folder of keys; none where there is none, as on a machine of one's own.
pub(in crate::ops) fn read(keys: &Path) -> Result<Option<Validity>, String> {
    let path = keys.join("tls.pem");
    if path.exists() { of_file(&path).map(Some) } else { Ok(None) }
}

/// Reads a certificate in PEM; of several, the first.
pub(super) fn of_file(path: &Path) -> Result<Validity, String> {
    let unusable = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
    let mut pem = Vec::new();
    let read = File::open(path).and_then(|file| file.take(BYTES_MAX).read_to_end(&mut pem));
    read.map_err(|error| unusable(&error))?;
    of(&pem).ok_or_else(|| unusable(&"holds no certificate in PEM"))
}

fn of(pem: &[u8]) -> Option<Validity> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem).ok()?;
    let certificate = pem.parse_x509().ok()?;
    let (from, until) = (certificate.validity().not_before, certificate.validity().not_after);
    let at = |seconds: i64| Timestamp::from_second(seconds).ok();
    Some(Validity { from: at(from.timestamp())?, until: at(until.timestamp())? })
}
