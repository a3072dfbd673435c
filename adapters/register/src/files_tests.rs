use hwc_hostile::Trial;

use super::*;
use crate::{
    sheet::{Encoding, Separator},
    testing::{code as school, day, own},
};

const COMMA: Form = Form { encoding: Encoding::Utf8, separator: Separator::Comma };
const OFFICE: Form = Form { encoding: Encoding::Windows1252, separator: Separator::Semicolon };

const DATASET: &str =
    "municipality,given_names,prefix,surname,date_of_birth,brin,location,secret,host_brin,host_location\n";
const EXPORT: &str = "BRIN NUMMER;VESTIGINGSCODE;VOORNAMEN;VOORVOEGSEL;ACHTERNAAM;GEBOORTEDATUM;GEHEIM;BEGINDATUM;EINDDATUM\r\n";

fn refusal(text: &str, form: Form) -> String {
    full("x.csv", text.as_bytes(), form, own()).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn a_dataset_is_read_as_the_dataset_reader_reads_it() {
    let rows = "0855,Noor Anna,van der,Berg,2016-02-03,01AA,00,no,,\n0797,Evi,,Smit,2011-06-21,,,yes,,\n\
                0855,Ali,,Öz,2012-02-29,02bb,00,no,01AA,01\n";
    let text = format!("{DATASET}{rows}");
    let ours = full("x.csv", text.as_bytes(), COMMA, own()).unwrap_or_default();
    let theirs = hwc_municipality::enrolments(text.as_bytes()).unwrap_or_default();
    assert_eq!((ours.len(), theirs.len()), (3, 3));
    for (one, other) in ours.iter().zip(theirs) {
        let same = one.child == other.enrolment.pupil && one.placement == other.enrolment.placement;
        assert!(same && one.municipality == other.municipality && one.from.is_none() && one.until.is_none());
    }
}

#[test]
fn an_export_writes_codes_dates_and_letters_its_own_way() {
    let rows = b"01AA;01;Zo\xeb;van;Berg;20160203;nee;1-8-2026;31-07-2027\r\n01AA;01AA02;Evi;;Smit;3-2-2016;J;;\r\n;02BB00;Ali;;Smit;03-02-2016;n;;\r\n";
    let read = full("x.csv", &[EXPORT.as_bytes(), rows].concat(), OFFICE, own()).unwrap_or_default();
    let [zoe, evi, ali] = read.as_slice() else { panic!("not all of them were read") };
    assert!(
        zoe.child == Child::new("Zoë", Some("van"), "Berg", DateOfBirth::new(day("2016-02-03"))).unwrap()
    );
    assert!(zoe.municipality == own(), "a file without the column is this municipality's");
    assert_eq!((zoe.from, zoe.until), (Some(day("2026-08-01")), Some(day("2027-07-31"))));
    for (pupil, code) in [(zoe, "01AA01"), (evi, "01AA02"), (ali, "02BB00")] {
        assert!(pupil.placement.school == Some(school(code)), "{code}");
    }
    assert!(evi.placement.secret && !ali.placement.secret);
    assert!([evi, ali].iter().all(|pupil| pupil.child.date_of_birth == zoe.child.date_of_birth));
}

#[test]
fn a_broken_row_is_named_by_line_and_column_and_shown_nowhere() {
    for (row, said) in [
        ("0855,G,,,2016-02-03,01AA,00,no,,", "surname: holds no letter or digit"),
        (
            "0855,G,,Geheim,2016-02-31,01AA,00,no,,",
            "date_of_birth: is not a date written YYYY-MM-DD, YYYYMMDD or D-M-YYYY",
        ),
        (
            "0855,G,,Geheim,3-14-2016,01AA,00,no,,",
            "date_of_birth: is not a date written YYYY-MM-DD, YYYYMMDD or D-M-YYYY",
        ),
        (
            "0855,111222333,,Geheim,2016-02-03,01AA,00,no,,",
            "given_names: holds a citizen service number, which is never carried",
        ),
        (
            "08555,G,,Geheim,2016-02-03,01AA,00,no,,",
            "municipality: is not a CBS municipality code of four digits",
        ),
        ("0855,G,,Geheim,2016-02-03,1AA,00,no,,", "brin: is not two digits and two letters or digits"),
        ("0855,G,,Geheim,2016-02-03,01AA,0,no,,", "location: is not two letters or digits"),
        (
            "0855,G,,Geheim,2016-02-03,01AA,02BB00,no,,",
            "location: does not begin with the BRIN number of this row",
        ),
        ("0855,G,,Geheim,2016-02-03,01AA,00,,,", "secret: is neither yes nor no (ja, nee)"),
        ("0855,G,,Geheim,2016-02-03,01AA,00,no,02BB,", "host_location: is not two letters or digits"),
    ] {
        assert_eq!(refusal(&format!("{DATASET}{row}\n"), COMMA), format!("x.csv line 2, column {said}"));
    }
    let said = refusal(&format!("{EXPORT}01AA;01;G;;Geheim;20160203;n;2-8-2026;1-8-2026\r\n"), OFFICE);
    assert_eq!(said, "x.csv line 2, column until: lies before the first day of the enrolment");
    let without = DATASET.replace("secret,", "");
    let said = refusal(&format!("{without}0855,G,,Geheim,2016-02-03,01AA,00,,\n"), COMMA);
    assert_eq!(said, "x.csv line 1, column secret: the header line lacks this column");
}

#[test]
fn a_delta_says_what_happened_in_either_language() {
    let read = |word: &str| {
        let text = format!("mutatie,{DATASET}{word},0855,G,,Geheim,2016-02-03,01AA,00,no,,\n");
        delta("x.csv", text.as_bytes(), COMMA, own())
            .map(|rows| rows[0].what)
            .map_err(|error| error.to_string())
    };
    for (words, what) in
        [(["in", "Enrolled"], What::Enrolled), (["U", "left"], What::Left), (["over", "moved"], What::Moved)]
    {
        assert_eq!(words.map(read), [Ok(what), Ok(what)]);
    }
    let said = "x.csv line 2, column change: is none of enrolled, left, moved (in, uit, over)";
    assert_eq!(read("Geheim"), Err(said.to_owned()));
}

#[test]
fn a_list_of_schools_says_what_it_has_columns_for() {
    let own_list = "brin,location,name,sector,municipality,mailbox,covenant_signed_on\n\
                    01AA,00,De Linde,po,0855,01AAHwC@linde.example,2021-03-01\n02BB,00,De Eik,vo,0797,,\n";
    let read = schools("s.csv", own_list.as_bytes(), COMMA).unwrap();
    assert_eq!(read[0].mailbox, Some(Some("01AAHwC@linde.example".to_owned())));
    assert_eq!(read[0].covenant_signed_on, Some(Some(day("2021-03-01"))));
    assert_eq!(
        (&read[1].mailbox, read[1].covenant_signed_on, &read[1].contact),
        (&Some(None), Some(None), &None)
    );

    let address_list = "PROVINCIE;INSTELLINGSCODE;VESTIGINGSCODE;VESTIGINGSNAAM;GEMEENTENUMMER\r\nNB;01AA;01AA00;De Linde;855\r\n";
    let [linde] =
        <[_; 1]>::try_from(schools("s.csv", address_list.as_bytes(), OFFICE).unwrap()).ok().unwrap();
    let nothing_said =
        linde.mailbox.is_none() && linde.covenant_signed_on.is_none() && linde.sector.is_none();
    assert!(nothing_said && linde.code == school("01AA00") && linde.municipality == own());

    for (row, said) in [
        (",,De Linde,po,0855,,", "column brin: is empty"),
        ("01AA,00,,po,0855,,", "column name: is empty"),
        ("01AA,00,De Linde,xx,0855,,", "column sector: is none of po, so, vo, mbo"),
        ("01AA,00,De Linde,po,0855,Jan <a@b.nl>,", "column mailbox: is not a mail address"),
    ] {
        let text = format!("brin,location,name,sector,municipality,mailbox,covenant_signed_on\n{row}\n");
        let error = schools("s.csv", text.as_bytes(), COMMA).err().unwrap().to_string();
        assert_eq!(error, format!("s.csv line 2, {said}"));
    }
}

#[test]
fn every_file_withstands_hostile_input() {
    let said = |error: Option<TableError>| error.map(|error| format!("{error} {error:?}"));
    let pupils = format!("{DATASET}0855,Noor,van,Smit,2016-02-03,01AA,00,no,02BB,00\n");
    let export = format!("{EXPORT}01AA;01;Noor;van;Smit;20160203;nee;1-8-2026;\r\n");
    let changes = pupils.replace("municipality,", "change,municipality,").replace("0855,N", "in,0855,N");
    let list = "brin,location,name,municipality,mailbox\n01AA,00,De Linde,0855,a@b.nl\n";
    Trial::new([pupils], |bytes: &[u8]| said(full("x.csv", bytes, COMMA, own()).err())).withstands();
    Trial::new([export], |bytes: &[u8]| said(full("x.csv", bytes, OFFICE, own()).err())).withstands();
    Trial::new([changes], |bytes: &[u8]| said(delta("x.csv", bytes, COMMA, own()).err())).withstands();
    Trial::new([list.to_owned()], |bytes: &[u8]| said(schools("x.csv", bytes, COMMA).err())).withstands();
}
