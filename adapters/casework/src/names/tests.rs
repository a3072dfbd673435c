//! R16, by example: names as families bring them, and as offices spell them.

mod properties;

use unicode_normalization::UnicodeNormalization;

use super::*;
use crate::testing::{born, child};

const BIRTH: &str = "2016-02-03";

/// Given names, prefix, surname.
type Spelling = (&'static str, &'static str, &'static str);

fn spelt((given_names, prefix, surname): Spelling) -> Child {
    child(given_names, prefix, surname, BIRTH)
}

#[test]
fn r16_spellings_of_one_name_match() {
    let names: [&[Spelling]; 25] = [
        // Dutch.
        &[("Sem", "van den", "Berg"), ("SEM", "", "van den Berg"), ("sem", "Van", "Den Berg")],
        &[
            ("Kees", "'t", "Hooft"),
            ("Kees", "", "'t Hooft"),
            ("Kees", "", "t Hooft"),
            ("Kees", "’t", "Hooft"),
        ],
        &[("Fleur", "", "Jansen-Smit"), ("Fleur", "", "Jansen Smit"), ("Fleur", "", "JansenSmit")],
        &[("David Johannes", "", "Pieterse"), ("David", "", "Pieterse"), ("David  J.", "", "Pieterse")],
        &[("Zoë", "d'", "Hondt"), ("Zoe", "", "D’Hondt"), ("Zoe\u{308}", "d", "Hondt")],
        &[("IJsbrand", "", "Dijk"), ("ijsbrand", "", "DIJK")],
        // Frisian and Antillean.
        &[("Sjoerd", "", "Hoekstra"), ("Sjoerd Ype", "", "HOEKSTRA")],
        &[("Rayënne", "", "Curiël"), ("Rayenne", "", "Curiel")],
        // Turkish, with and without a dot.
        &[
            ("İbrahim", "", "Yıldız"),
            ("ibrahim", "", "yildiz"),
            ("IBRAHIM", "", "YILDIZ"),
            ("ıbrahım", "", "Yildiz"),
        ],
        &[("Şükrü Can", "", "Çağlayan"), ("Sukru", "", "Caglayan"), ("ŞÜKRÜ", "", "ÇAĞLAYAN")],
        // Moroccan.
        &[("Houssaïne", "el", "Amrani"), ("Houssaine", "", "El-Amrani"), ("Houssaine", "", "Elamrani")],
        &[("Fatima-Zahra", "", "Aït Ben-Haddou"), ("FatimaZahra", "Ait", "Benhaddou")],
        // Polish and Croatian.
        &[("Łukasz", "", "Wiśniewski"), ("LUKASZ", "", "Wisniewski")],
        &[("Đorđe", "", "Đoković"), ("Dorde", "", "DOKOVIC")],
        // German and Nordic.
        &[("Jörg", "", "Groß"), ("Jorg", "", "GROSS"), ("JÖRG", "", "GROẞ")],
        &[("Bjørn", "", "Ærø"), ("Bjorn", "", "Aero"), ("BJØRN", "", "ÆRØ")],
        &[("Guðrún", "", "Þórsdóttir"), ("Gudrun", "", "Thorsdottir"), ("GUÐRÚN", "", "ÞÓRSDÓTTIR")],
        // French and Spanish.
        &[("Lætitia", "", "Œuvrard"), ("Laetitia", "", "OEUVRARD")],
        &[("Íñigo", "", "Muñoz Peña"), ("Inigo", "", "Munoz-Pena")],
        // Vietnamese, with two marks on a letter.
        &[("Ánh Tuyết", "", "Nguyễn"), ("anh", "", "NGUYEN"), ("Ánh", "", "Nguye\u{302}\u{303}n")],
        // Irish and romanised Arabic.
        &[("Siân", "", "O'Brien"), ("Sian", "", "O’Brien"), ("Sian", "O", "Brien"), ("Sian", "O'", "brien")],
        &[("‘Alī", "", "al-Ḥusaynī"), ("Ali", "al", "Husayni")],
        // Greek: one sigma, wherever it stands.
        &[("Γιώργος", "", "Παππάς"), ("ΓΙΏΡΓΟΣ", "", "ΠΑΠΠΆΣ")],
        // Cyrillic.
        &[("Сергей", "", "Чайковский"), ("СЕРГЕЙ", "", "Чаи\u{306}ковский"), ("сергей", "", "ЧАЙКОВСКИЙ")],
        // One name only.
        &[("", "", "Rajesh"), ("-", "", "RAJESH"), (".", "", "Rajesh")],
    ];
    for spellings in names {
        for one in spellings {
            for other in spellings {
                assert!(matches(&spelt(*one), &spelt(*other)), "{one:?} {other:?}");
                assert!(!nearly_matches(&spelt(*one), &spelt(*other)), "{one:?} {other:?}");
            }
        }
    }
}

#[test]
fn r16_names_that_differ_do_not_match() {
    let pairs: [(Spelling, Spelling); 23] = [
        (("Sem", "van den", "Berg"), ("Sem", "van der", "Berg")),
        (("Sem", "van den", "Berg"), ("Sem", "", "Berg")),
        (("Sem", "", "Berg"), ("Sem", "", "Bergh")),
        (("Sem", "", "Berg"), ("Sam", "", "Berg")),
        (("Anne-Marie", "", "Smit"), ("Anne Marie", "", "Smit")),
        (("Maria Anna", "", "Smit"), ("Anna", "", "Smit")),
        (("", "", "Smit"), ("Anna", "", "Smit")),
        // Unicode's letter apostrophe is a letter; a person will be asked.
        (("Sian", "", "OʼBrien"), ("Sian", "", "O'Brien")),
        // The marks of German are only dropped, not written out.
        (("Jörg", "", "Müller"), ("Jörg", "", "Mueller")),
        // Arabic: a hamza, and vowels where they are written.
        (("أمين", "", "حداد"), ("امين", "", "حداد")),
        (("مُحَمَّد", "", "حداد"), ("محمد", "", "حداد")),
        // Hebrew, with its points and without.
        (("שָׂרָה", "", "כהן"), ("שרה", "", "כהן")),
        (("שָׂרָה", "", "כהן"), ("שָׁרָה", "", "כהן")),
        // Chinese and Korean.
        (("小明", "", "王"), ("小明", "", "汪")),
        (("小明", "", "王"), ("小名", "", "王")),
        (("지훈", "", "김"), ("지후", "", "김")),
        // Hindi and Tamil: vowel signs are letters.
        (("किरण", "", "शर्मा"), ("करण", "", "शर्मा")),
        (("सीता", "", "शर्मा"), ("सिता", "", "शर्मा")),
        (("கமலா", "", "குமார்"), ("கமல", "", "குமார்")),
        // Greek and Cyrillic keep their marks, and are not Latin.
        (("Γιώργος", "", "Παππάς"), ("Γιώργος", "", "Παππας")),
        (("Сергей", "", "Смирнов"), ("Сергеи", "", "Смирнов")),
        (("Артём", "", "Смирнов"), ("Артем", "", "Смирнов")),
        (("Анна", "", "Сас"), ("Анна", "", "Cac")),
    ];
    for (one, other) in pairs {
        assert!(!matches(&spelt(one), &spelt(other)), "{one:?} {other:?}");
        assert!(!matches(&spelt(other), &spelt(one)), "{other:?} {one:?}");
    }
}

#[test]
fn r16_every_script_matches_itself_however_it_is_composed() {
    for (given, surname) in [
        ("Ánh", "Nguyễn"),
        ("أمين", "الأمين"),
        ("שָׂרָה", "בֶּן־דָּוִד"),
        ("小明", "王"),
        ("지훈", "김"),
        ("が", "ばば"),
        ("क़िरण", "ड़े"),
        ("Γιώργος", "ΐΰ"),
        ("Артём", "Чайковский"),
        ("ក្រុម", "ស្រី"),
    ] {
        let composed = child(&given.nfc().to_string(), "", &surname.nfc().to_string(), BIRTH);
        let decomposed = child(&given.nfd().to_string(), "", &surname.nfd().to_string(), BIRTH);
        assert!(matches(&composed, &decomposed), "{given} {surname}");
    }
}

#[test]
fn r16_a_near_match_shares_the_birth_and_a_first_given_name_or_a_surname() {
    let cases: [(Spelling, Spelling, bool); 15] = [
        (("Sem", "", "Berg"), ("Sem", "", "Bergh"), true),
        (("Sem", "", "Berg"), ("SÈM Jan", "", "Vos"), true),
        (("Sem", "", "Berg"), ("Sam", "", "Berg"), true),
        (("Sem", "", "Berg"), ("Sam", "", "Bergh"), false),
        // The prefix field, on either side or both.
        (("Sem", "van den", "Berg"), ("Sam", "", "Berg"), true),
        (("Sem", "", "Berg"), ("Sam", "van den", "Berg"), true),
        (("Sem", "van den", "Berg"), ("Sam", "van der", "Berg"), true),
        (("Sem", "van den", "Berg"), ("Sam", "", "van den Berg"), true),
        (("Sem", "van", "den Berg"), ("Sam", "van den", "Berg"), true),
        // A prefix in the surname's own field is part of it.
        (("Sem", "", "van den Berg"), ("Sam", "", "Berg"), false),
        (("Sem", "", "van den Berg"), ("Sam", "van der", "Berg"), false),
        // Having no given name is not sharing one.
        (("", "", "Berg"), ("", "", "Vos"), false),
        (("", "", "Berg"), ("Sem", "", "Berg"), true),
        (("-", "", "Berg"), ("'", "", "Vos"), false),
        // Nor is having nothing comparable in the surname's field sharing that.
        (("Sem", "van", "\u{93e}"), ("Sam", "de", "\u{93e}"), false),
    ];
    for (one, other, near) in cases {
        assert_eq!(nearly_matches(&spelt(one), &spelt(other)), near, "{one:?} {other:?}");
        assert_eq!(nearly_matches(&spelt(other), &spelt(one)), near, "{other:?} {one:?}");
    }
}

#[test]
fn r9_twins_are_two() {
    let one = child("Anna", "", "Smit", BIRTH);
    let other = child("Emma", "", "Smit", BIRTH);
    assert!(!matches(&one, &other) && nearly_matches(&one, &other));
    let born_after_midnight = Child { date_of_birth: born("2016-02-04"), ..one.clone() };
    assert!(!matches(&one, &born_after_midnight) && !nearly_matches(&one, &born_after_midnight));
}

#[test]
fn r16_no_letter_of_unicode_depends_on_its_case() {
    for c in (char::MIN..=char::MAX).filter(|c| c.is_alphanumeric()) {
        let folded = |text: &str| {
            let mut folded = Folded::with_room_for(text.len());
            folded.push(text);
            assert!(folded.as_str().len() <= text.len() * 3, "{c:?} moved its buffer");
            folded.finish()
        };
        let plain = folded(&c.to_string());
        assert!(plain == folded(&c.to_uppercase().to_string()), "{c:?} in upper case");
        assert!(plain == folded(&c.to_lowercase().to_string()), "{c:?} in lower case");
    }
}
