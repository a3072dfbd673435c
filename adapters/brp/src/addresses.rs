//! Which addressable object of the BAG an address is: from a list that somebody keeps out of the BAG, which is open data.
//! Asking the BRP by the object alone gives nobody else's household; by postcode and number it may.

use std::collections::HashMap;

use hwc_adapter_kit::table::{self, TableError};
use hwc_schemas::{
    person::FieldError,
    report::{Address, Place},
};

/// An addressable object's identification: sixteen digits, not all of them 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ObjectId([u8; 16]);

impl ObjectId {
    /// Reads sixteen digits.
    pub fn parse(text: &str) -> Result<Self, FieldError> {
        let problem = "is not the sixteen digits of an addressable object";
        let refuse = FieldError { field: "object", problem };
        let digits: [u8; 16] = text.as_bytes().try_into().map_err(|_| refuse.clone())?;
        let fine = digits.iter().all(u8::is_ascii_digit) && digits != [b'0'; 16];
        if fine { Ok(Self(digits)) } else { Err(refuse) }
    }

    /// The digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The objects of a region's addresses.
#[derive(Default)]
pub struct Addresses {
    objects: HashMap<Place, Option<ObjectId>>,
}

impl Addresses {
    /// Reads `postcode,house_number,house_letter,addition,object`.
    pub fn read(bytes: &[u8]) -> Result<Self, TableError> {
        const COLUMNS: [&str; 5] = ["postcode", "house_number", "house_letter", "addition", "object"];
        let rows = table::read("addresses.csv", bytes, &COLUMNS, |row| {
            let number = row.get("house_number").parse();
            let number =
                number.map_err(|_| row.refuse("house_number", "is not a whole number from 1 to 99999"))?;
            let (letter, addition) = (row.get("house_letter"), row.get("addition"));
            let address = Address::new(row.get("postcode"), number, letter, addition, None)
                .map_err(|error| row.refuse_field(&error))?;
            Ok((address.place().clone(), row.read("object", ObjectId::parse)?))
        })?;
        let mut objects: HashMap<Place, Option<ObjectId>> = HashMap::with_capacity(rows.len());
        for (place, object) in rows {
            // One address of two objects is no help.
            objects
                .entry(place)
                .and_modify(|known| *known = known.filter(|known| *known == object))
                .or_insert(Some(object));
        }
        Ok(Self { objects })
    }

    /// The object at an address; none if it is not known, or if there are two.
    pub fn object(&self, place: &Place) -> Option<ObjectId> {
        self.objects.get(place).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_object_or_none_and_a_broken_row_is_named_and_not_shown() {
        let rows = "postcode,house_number,house_letter,addition,object\n\
                    5038AA,1,,,0855010000000001\n5038AB,2,a,,0855010000000002\n\
                    5038AC,3,,,0855010000000003\n5038AC,3,,,0855010000000004\n";
        let addresses = Addresses::read(rows.as_bytes()).unwrap_or_default();
        let object = |postcode, number, letter| {
            let address = Address::new(postcode, number, letter, "", None).unwrap();
            addresses.object(address.place()).map(|object| object.as_str().to_owned())
        };
        assert_eq!(object("5038 aa", 1, "").as_deref(), Some("0855010000000001"));
        assert_eq!(object("5038AB", 2, "A").as_deref(), Some("0855010000000002"));
        assert_eq!([object("5038AB", 2, ""), object("5038AC", 3, "")], [None, None]);
        for bad in ["123", "0000000000000000", "08550100000000ab"] {
            let Err(error) = Addresses::read(rows.replace("0855010000000002", bad).as_bytes()) else {
                panic!("taken")
            };
            assert!(error.to_string().starts_with("addresses.csv line 3, column object: "), "{error}");
        }
    }
}
