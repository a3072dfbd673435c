//! What `DIRECTORY.md` shows is a directory, byte for byte.

use hwc_vault::{Directory, DirectoryError, OperatorPublicKey};

use crate::common::Example;

#[test]
fn the_worked_directory_on_the_page_is_one_and_its_changed_bytes_are_none() {
    let page = include_str!("../../DIRECTORY.md");
    let mut blocks = page.split("```text\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    let operator: OperatorPublicKey = blocks.next().unwrap().trim().parse().unwrap();
    let signed = blocks.next().unwrap();
    assert!(blocks.next().is_none());

    let directory = Directory::verify(signed.as_bytes(), &operator).unwrap();
    let example = Example::read();
    let school = directory.listed(&"school-01AA00".parse().unwrap()).unwrap();
    let municipality = directory.listed(&"municipality-0855".parse().unwrap()).unwrap();
    assert_eq!(directory.serial(), 7);
    assert_eq!((school.key.to_string(), school.earlier.len()), (example.receiver_public, 1));
    assert_eq!((municipality.key.to_string(), municipality.earlier.len()), (example.sender_public, 0));

    for bad in [signed.replacen('7', "8", 1), format!("{signed}\n"), signed.trim_end().to_owned()] {
        assert!(matches!(Directory::verify(bad.as_bytes(), &operator), Err(DirectoryError::NotSigned)));
    }
    assert!(page.contains("960 KiB") && Directory::BYTES_MAX == 960 * 1024 && Directory::EARLIER_MAX == 3);
}
