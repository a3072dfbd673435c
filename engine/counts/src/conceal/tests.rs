use super::*;
use Figure::{Few, Kept, Shown};

fn rows(cells: &[&[u32]]) -> Vec<Vec<u32>> {
    cells.iter().map(|row| row.to_vec()).collect()
}

#[test]
fn few_are_not_shown_and_neither_is_what_would_give_them_away() {
    let shown = conceal(&rows(&[&[20, 2, 0, 1]]), Sums::Shown);
    assert_eq!(shown.cells, [[Shown(20), Few, Few, Few]]);
    // All of them within a day: the rest is nought, which the sum would say.
    let shown = conceal(&rows(&[&[23, 0, 0, 0]]), Sums::Shown);
    assert_eq!(shown.cells, [[Kept, Few, Few, Few]]);
    assert_eq!((shown.rows[0], shown.all), (Shown(23), Shown(23)));
}

#[test]
fn where_a_mark_alone_would_say_too_much_few_and_kept_are_not_told_apart() {
    // Five and nought are five: whoever knew that one is five and the other few would know both.
    let shown = conceal(&rows(&[&[5, 0]]), Sums::Shown);
    assert_eq!(shown.cells, [[Kept, Kept]]);
    // Four and four are eight, and nothing else that is few is.
    let shown = conceal(&rows(&[&[4, 4]]), Sums::Shown);
    assert_eq!(shown.cells, [[Kept, Kept]]);
}

#[test]
fn a_sum_of_its_own_is_taken_away_where_it_says_too_much() {
    let shown = conceal(&rows(&[&[0, 0, 0]]), Sums::Own);
    assert_eq!((shown.cells, shown.all), (vec![vec![Few; 3]], Few));
    let shown = conceal(&rows(&[&[12, 0]]), Sums::Own);
    assert_eq!(shown.cells[0][1], Few);
    assert!(shown.cells[0][0] == Kept || shown.all == Kept, "{shown:?}");
}

#[test]
fn a_column_s_sum_does_not_give_back_what_its_rows_keep() {
    let cells = rows(&[&[7, 3, 9], &[8, 6, 5]]);
    let shown = conceal(&cells, Sums::Shown);
    assert_eq!(shown.cells[0][1], Few);
    // Somewhere a ring of figures is kept: in each row and column with a kept one there is another, or its sum is kept.
    for (r, row) in shown.cells.iter().enumerate() {
        let kept = row.iter().filter(|one| one.shown().is_none()).count();
        assert!(kept != 1, "row {r} gives its one back: {shown:?}");
    }
    for c in 0..3 {
        let kept = shown.cells.iter().filter(|row| row[c].shown().is_none()).count();
        assert!(kept != 1 || shown.columns[c].shown().is_none(), "column {c} gives its one back: {shown:?}");
    }
}

#[test]
fn nothing_is_taken_away_where_nothing_is_few() {
    let cells = rows(&[&[7, 13, 9], &[8, 6, 5]]);
    let shown = conceal(&cells, Sums::Own);
    let all = shown.cells.iter().flatten().chain(&shown.rows).chain(&shown.columns).chain([&shown.all]);
    assert!(all.into_iter().all(|one| one.shown().is_some()));
}
