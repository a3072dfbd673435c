//! A pupil as the columns of a row. The one place of this room where a name leaves its type: into the municipality's own
//! register, whose purpose is to hold it, and into a digest that says whether two rows are the same.

use hwc_casework::{
    names::Traces,
    routing::{Placement, SchoolCode},
};
use hwc_schemas::{
    person::{Child, DateOfBirth},
    report::MunicipalityCode,
};
use jiff::civil::Date;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{Pupil, fault::RegisterError};

/// What says whether two rows are the same.
pub(crate) type RowDigest = [u8; 16];

/// A row of `enrolments`.
pub(crate) struct Columns {
    pub(crate) municipality: String,
    pub(crate) given_names: Zeroizing<String>,
    pub(crate) prefix: Zeroizing<String>,
    pub(crate) surname: Zeroizing<String>,
    pub(crate) born: Zeroizing<String>,
    pub(crate) school: Option<String>,
    pub(crate) host: Option<String>,
    pub(crate) secret: bool,
    pub(crate) from: Option<String>,
    pub(crate) until: Option<String>,
}

impl Columns {
    pub(crate) fn of(pupil: &Pupil) -> Self {
        let Pupil { municipality, child, placement, from, until } = pupil;
        let text = |text: &str| Zeroizing::new(text.to_owned());
        let code = |school: Option<SchoolCode>| school.map(|school| school.to_string());
        let day = |day: &Option<Date>| day.map(|day| day.to_string());
        Self {
            municipality: municipality.as_str().to_owned(),
            given_names: text(child.given_names.expose()),
            prefix: text(child.prefix.as_ref().map_or("", |prefix| prefix.expose())),
            surname: text(child.surname.expose()),
            born: Zeroizing::new(child.date_of_birth.expose().to_string()),
            school: code(placement.school),
            host: code(placement.host),
            secret: placement.secret,
            from: day(from),
            until: day(until),
        }
    }

    /// The pupil, checked as any other input is.
    pub(crate) fn pupil(&self) -> Result<Pupil, RegisterError> {
        let spoilt = |_| RegisterError::Spoilt;
        let born = DateOfBirth::parse(&self.born).map_err(spoilt)?;
        let code = |text: &Option<String>| text.as_deref().map(str::parse::<SchoolCode>).transpose();
        let day = |text: &Option<String>| {
            text.as_deref().map(str::parse::<Date>).transpose().map_err(|_| RegisterError::Spoilt)
        };
        Ok(Pupil {
            municipality: MunicipalityCode::parse(&self.municipality).map_err(spoilt)?,
            child: Child::new(&self.given_names, Some(&self.prefix), &self.surname, born).map_err(spoilt)?,
            placement: Placement {
                school: code(&self.school).map_err(spoilt)?,
                host: code(&self.host).map_err(spoilt)?,
                secret: self.secret,
            },
            from: day(&self.from)?,
            until: day(&self.until)?,
        })
    }

    /// What says whether two rows are the same: everything that they say.
    pub(crate) fn digest(&self) -> RowDigest {
        let mut all = Sha256::new();
        let mut field = |text: Option<&str>| {
            let length = text.map_or(u64::MAX, |text| text.len() as u64);
            all.update(length.to_be_bytes());
            all.update(text.unwrap_or_default().as_bytes());
        };
        field(Some(&self.municipality));
        field(Some(&self.given_names));
        field(Some(&self.prefix));
        field(Some(&self.surname));
        field(Some(&self.born));
        field(self.school.as_deref());
        field(self.host.as_deref());
        field(Some(if self.secret { "yes" } else { "no" }));
        field(self.from.as_deref());
        field(self.until.as_deref());
        let digest = Zeroizing::new(<[u8; 32]>::from(all.finalize()));
        let mut half = [0; 16];
        half.copy_from_slice(&digest[..16]);
        half
    }
}

/// A trace as a database keeps it: the same bits, with a sign.
pub(crate) const fn kept(trace: u64) -> i64 {
    trace.cast_signed()
}

/// The traces of a pupil, as a database keeps them: given name, own surname, whole surname.
pub(crate) fn traces(child: &Child) -> (i64, Option<i64>, i64, i64) {
    let Traces { child, given_name, own_surname, whole_surname } = Traces::of(child);
    (kept(child), given_name.map(kept), kept(own_surname), kept(whole_surname))
}
