//! A dataset: a small region as files. The format is a public contract (`docs/dataset.md`).
//!
//! A broken row or setting in any file but `reports.jsonl` stops the run before it starts, with file, line and column and
//! none of the content; a broken report is refused by line and field, and the others go on.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use hwc_adapter_kit::table::{TABLE_BYTES_MAX, TableError};
use hwc_casework::{
    home::Register,
    routing::{Enrolment, School, SchoolCode},
};
use hwc_police::{Refused, Submission, reports::FILE_BYTES_MAX};
use hwc_schemas::{person::Synthetic, report::MunicipalityCode};
use hwc_workflow::{
    calendar::{Calendar, Zone},
    policy::Policy,
};

use crate::region::{self, Region, RegionError};

/// A dataset, read and checked.
pub(crate) struct Dataset {
    pub(crate) name: String,
    pub(crate) synthetic: Option<Synthetic>,
    pub(crate) zone: Zone,
    pub(crate) policy: Policy,
    pub(crate) calendar: Calendar,
    pub(crate) participating: BTreeSet<MunicipalityCode>,
    pub(crate) region: BTreeSet<MunicipalityCode>,
    /// In the order in which they are sent.
    pub(crate) submissions: Vec<Submission>,
    pub(crate) refused: Vec<Refused>,
    pub(crate) register: Register,
    pub(crate) schools: BTreeMap<SchoolCode, School>,
    /// By the municipality whose register it is; each of its instances gets its own and no other.
    pub(crate) enrolments: BTreeMap<MunicipalityCode, Vec<Enrolment>>,
}

/// A dataset that cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatasetError {
    /// The region, or a file that cannot be read.
    #[error(transparent)]
    Region(#[from] RegionError),
    /// A row of a CSV file.
    #[error(transparent)]
    Table(#[from] TableError),
}

impl Dataset {
    /// Reads a folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, DatasetError> {
        let Region { name, synthetic, zone, policy, calendar, participating, municipalities } =
            Region::read(folder)?;
        let file = |name: &str| region::file(folder, name, TABLE_BYTES_MAX);
        let schools: BTreeMap<_, _> = hwc_municipality::schools(&file("schools.csv")?)?
            .into_iter()
            .map(|row| (row.code, row.school))
            .collect();
        let register = Register::new(hwc_veilig_thuis::residents(&file("residents.csv")?)?);
        let mut enrolments: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for row in hwc_municipality::enrolments(&file("enrolments.csv")?)? {
            enrolments.entry(row.municipality).or_default().push(row.enrolment);
        }
        let (mut submissions, refused) =
            hwc_police::read(&region::file(folder, "reports.jsonl", FILE_BYTES_MAX)?);
        submissions.sort_by_key(|submission| submission.report.reported_at);
        Ok(Self {
            name,
            synthetic,
            zone,
            policy,
            calendar,
            participating,
            region: municipalities,
            submissions,
            refused,
            register,
            schools,
            enrolments,
        })
    }

    /// The schools that can ever receive: a mailbox is known, a covenant signed, today or later (R11), and it lies in the
    /// region (R15).
    pub(crate) fn receiving_schools(&self) -> impl Iterator<Item = SchoolCode> {
        let receives = |school: &School| {
            school.mailbox
                && school.covenant_signed_on.is_some()
                && self.region.contains(&school.municipality)
        };
        self.schools.iter().filter(move |(_, school)| receives(school)).map(|(code, _)| *code)
    }
}
