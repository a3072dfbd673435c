//! A search that finds nothing must show that it can find: something is planted in every form that is looked for, in files of our
//! own, and the very search that is then used must find each.

use std::{fs, io, path::Path};

use hwc_residue::{Disguises, Form, Search, Sought};
use uuid::Uuid;

use super::report::SelfTest;

/// What is planted. Neither was ever anywhere else.
pub(super) struct Plants {
    pub(super) marker: [u8; 16],
    pub(super) canary: String,
}

impl Plants {
    pub(super) fn new() -> Self {
        let marker = Uuid::new_v4().into_bytes();
        Self { marker, canary: format!("Kanarie-\u{f6}-{}", Uuid::new_v4().simple()) }
    }

    /// Plants each form in a file of its own, searches them, and takes them away.
    pub(super) fn tried(&self, search: &Search, marker: usize, canary: usize) -> io::Result<SelfTest> {
        let folder = tempfile::Builder::new().prefix("hwc-forget-").tempdir()?;
        let mut planted = Vec::new();
        for (number, (sought, form, bytes)) in self.forms(marker, canary).into_iter().enumerate() {
            // So that each begins at another place, and the first across the edge of two pieces.
            let before = if number == 0 { (1 << 20) - 5 } else { 3 * number };
            let name = format!("{number}");
            fs::write(folder.path().join(&name), [vec![b'.'; before], bytes, b"..".to_vec()].concat())?;
            planted.push((sought, form, name));
        }
        let searched = search.below(folder.path());
        let is_found = |(sought, form, name): &&(Sought, Form, String)| {
            searched.found.iter().any(|one| {
                (one.sought, one.form, one.file.as_path()) == (*sought, *form, Path::new(name.as_str()))
            })
        };
        let found = planted.iter().filter(is_found).count();
        folder.close()?;
        Ok(SelfTest { planted: planted.len(), found })
    }

    fn forms(&self, marker: usize, canary: usize) -> Vec<(Sought, Form, Vec<u8>)> {
        let marker = Search::forms_of(&self.marker)
            .into_iter()
            .map(|(form, bytes)| (Sought::Marker(marker), form, bytes));
        let canary = Disguises::forms_of(&self.canary)
            .into_iter()
            .map(|(form, bytes)| (Sought::Canary(canary), form, bytes));
        marker.chain(canary).collect()
    }
}
