use super::*;

const HEADER: &str = "report_id,reported_at,occurred_at,kind,postcode,house_number,house_letter,addition,municipality,given_names,prefix,surname,date_of_birth,presence,relation";

fn row(id: &str, given: &str) -> String {
    format!(
        "{id},2026-11-19T06:45:00+01:00,2026-11-18,domestic_violence,5038 aa,12,,,0855,{given},van der,Geheimpje,2016-02-03,present,resident"
    )
}

fn file(rows: &[String]) -> String {
    format!("{HEADER}\n{}\n", rows.join("\n"))
}

fn said(text: &str) -> (Vec<(String, usize)>, Vec<String>) {
    let (taken, refused) = read(text.as_bytes());
    let taken = taken.into_iter().map(|one| (one.report_id, one.report.mentions.len())).collect();
    let refused: Vec<String> = refused.iter().map(ToString::to_string).collect();
    assert!(!refused.iter().any(|said| said.contains("Geheim") || said.contains("2016")), "content shown");
    (taken, refused)
}

fn taken(ids: &[(&str, usize)]) -> Vec<(String, usize)> {
    ids.iter().map(|(id, children)| ((*id).to_owned(), *children)).collect()
}

#[test]
fn the_lines_of_one_report_are_one_report_whatever_writes_the_file() {
    let good = file(&[row("P-1", "Noor"), row("P-1", "Daan"), row("P-2", "Evi")]);
    let excel = format!("\u{feff}{}", good.replace(',', ";").replace('\n', "\r\n"));
    for text in [good.clone(), excel, good.trim_end().to_owned()] {
        assert_eq!(said(&text), (taken(&[("P-1", 2), ("P-2", 1)]), Vec::new()));
    }
    let (submissions, _) = read(good.as_bytes());
    assert_eq!(submissions[0].lines().collect::<Vec<_>>(), [2, 3]);
    assert!(submissions[0].report.mentions[1].child.given_names.expose() == "Daan");
}

#[test]
fn a_report_that_names_nobody_is_a_line_without_a_child() {
    let text = format!("{HEADER}\nP-1,2026-11-19T06:45:00+01:00,2026-11-18,child_abuse,5038AA,12,,,,,,,,,\n");
    assert_eq!(said(&text), (taken(&[("P-1", 0)]), Vec::new()));
}

#[test]
fn one_broken_line_takes_its_own_report_along_and_no_other() {
    let broken = row("P-1", "Geheim").replace("2016-02-03", "2016");
    let text = file(&[row("P-0", "Evi"), row("P-1", "Noor"), broken, row("P-1", "Daan"), row("P-2", "Evi")]);
    let (sent, refused) = said(&text);
    assert_eq!(sent, taken(&[("P-0", 1), ("P-2", 1)]));
    assert_eq!(refused.len(), 3);
    assert!(refused[0].starts_with("line 3: (line): another line of the same report"), "{refused:?}");
    assert_eq!(refused[1], "line 4: date_of_birth: is not a date written YYYY-MM-DD");
}

#[test]
fn a_line_that_could_be_anybodys_takes_both_its_neighbours_along() {
    for nobodys in [row("", "Geheim"), "Geheim,1".to_owned(), row("P-1", "Geheim") + ",more"] {
        let text =
            file(&[row("P-0", "Evi"), row("P-1", "Noor"), nobodys, row("P-2", "Daan"), row("P-3", "Evi")]);
        let (sent, refused) = said(&text);
        assert_eq!(sent, taken(&[("P-0", 1), ("P-3", 1)]), "{refused:?}");
        assert_eq!(refused.len(), 3, "{refused:?}");
    }
}

#[test]
fn a_report_whose_lines_stand_apart_is_not_sent_in_part() {
    let text = file(&[row("P-1", "Noor"), row("P-2", "Evi"), row("P-1", "Daan")]);
    let (sent, refused) = said(&text);
    assert_eq!(sent, taken(&[("P-2", 1)]));
    assert_eq!(refused.len(), 2);
    assert!(refused.iter().all(|said| said.contains("do not stand together")), "{refused:?}");
}

#[test]
fn a_report_that_says_two_things_about_itself_is_refused() {
    let other = row("P-1", "Daan").replace("5038 aa", "5038AB");
    let (sent, refused) = said(&file(&[row("P-1", "Noor"), other]));
    assert!(sent.is_empty());
    assert!(refused[1].starts_with("line 3: postcode: is not the same"), "{refused:?}");
}

#[test]
fn two_systems_may_number_alike() {
    let text = format!("{HEADER},sender\n{},a\n{},b\n", row("P-1", "Noor"), row("P-1", "Daan"));
    let (submissions, refused) = read(text.as_bytes());
    assert!(refused.is_empty());
    assert_eq!(
        submissions.iter().map(|one| one.sender.as_deref()).collect::<Vec<_>>(),
        [Some("a"), Some("b")]
    );
}

#[test]
fn another_encoding_is_said_and_not_guessed() {
    let latin: Vec<u8> = file(&[row("P-1", "Zo\u{eb}"), row("P-2", "Evi")])
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let (submissions, refused) = read(&latin);
    assert_eq!(submissions.iter().map(|one| one.report_id.as_str()).collect::<Vec<_>>(), ["P-2"]);
    assert!(refused[0].to_string().starts_with("line 2: given_names: is not UTF-8 (Latin-1"), "{refused:?}");
    let utf16: Vec<u8> = "\u{feff}a,b".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(read(&utf16).1[0].to_string().contains("UTF-16"));
}

#[test]
fn a_header_that_lacks_a_column_or_has_one_twice_is_named() {
    let (_, refused) = said(&HEADER.replace("surname", "achternaam"));
    assert_eq!(refused, ["line 1: surname: the header line lacks this column"]);
    let (_, refused) = said(&format!("{HEADER},kind"));
    assert_eq!(refused, ["line 1: kind: stands twice in the header line"]);
    assert_eq!(said("").1, ["line 1: (file): has no header line"]);
}

#[test]
fn an_excerpt_is_a_file_of_its_own_with_the_lines_as_they_were() {
    let quoted = row("P-2", "\"No\nor\"");
    let text = format!("\u{feff}{}", file(&[row("P-1", "Evi"), quoted.clone(), row("P-3", "Daan")]));
    let cut = |lines: &[usize]| -> String {
        excerpt(text.as_bytes(), lines, None).into_iter().map(|range| &text[range]).collect()
    };
    assert_eq!(cut(&[3]), format!("\u{feff}{HEADER}\n{quoted}\n"));
    assert_eq!(cut(&[2, 5]), format!("\u{feff}{}", file(&[row("P-1", "Evi"), row("P-3", "Daan")])));
    let (_, refused) = read(text.as_bytes());
    assert_eq!(refused[0].line, 3, "{refused:?}");
}

#[test]
fn a_citizen_service_number_in_a_name_is_refused_by_its_column() {
    let (sent, refused) = said(&file(&[row("P-1", "Test 111222333")]));
    assert!(sent.is_empty());
    assert_eq!(refused, ["line 2: given_names: holds a citizen service number, which is never carried"]);
}

#[test]
fn a_report_that_may_go_on_where_the_file_is_not_read_any_more_is_not_sent_in_part() {
    let good = |id| row(id, "Evi");
    for next in [good("P-3"), "x".to_owned()] {
        // P-1 is refused once, for what stands beside it, and P-2 for that and for itself: then there is no room for more.
        let broken = vec!["x".to_owned(); REFUSED_MAX - 3];
        let wrong = good("P-2").replace("2016-02-03", "2016");
        let behind = [wrong, good("P-3"), next, good("P-0")];
        let rows = [good("P-0"), good("P-1")].into_iter().chain(broken).chain(behind);
        let text = file(&rows.collect::<Vec<_>>());
        let (sent, refused) = read(text.as_bytes());
        assert!(sent.is_empty(), "part of a report is sent");
        let last = refused.last().unwrap();
        assert!(last.is_of_all_that_follows(), "{last}");
        assert_eq!(last.line, text.lines().count() - 1, "{last}");
        let lines: Vec<usize> = refused.iter().map(|one| one.line).collect();
        let kept = excerpt(text.as_bytes(), &lines, Some(last.line));
        let kept: String = kept.into_iter().map(|range| &text[range]).collect();
        assert_eq!(kept, text, "nothing was sent, so everything is kept");
    }
}
