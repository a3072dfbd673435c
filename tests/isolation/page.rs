//! The matrix as a page for people: `docs/isolation.md`.

use std::{fmt::Write as _, fs, path::PathBuf};

use crate::{
    cast::Seat,
    row::{Control, Verdict},
    rows::Group,
    run::Cell,
};

/// What is above the tables.
const HEAD: &str = "\
# Who can do what to whom: the isolation matrix

Written by `tests/isolation`, which tries every cell on a real broker with the accounts and permissions that an operator
gets, and with the law behind the doors. `HWC_BLESS=1 cargo test -p hwc-isolation` writes it anew; a cell that
changes fails the test, and so does any attempt that takes effect, whatever this page says.

Each organisation reaches for what is another's: a school for the other school's, a municipality for the other
municipality's, the police for school B's, Veilig Thuis for school A's. *Stranger* is another region's Veilig Thuis with a
key that the broker knows; it reaches for this region's. *Board* is the board of those who keep the region running, which may
look and do nothing else; it reaches for school A's. *Nobody* has no key.

| a cell says | which means |
|---|---|
| broker: permission | the broker refused: no permission |
| broker: no such service | the broker refused: nothing of that name in this account |
| broker: not admitted | the broker lets nobody in |
| broker: limit | the broker refused: more than it takes |
| law: *code* | it went through one's own door, and the law refused with this code |
| own | it was let in as oneself, and reached nothing but what is one's own |
| looks | the board was answered: it may know this, and nothing is changed by it |

In every cell but *own*, streams, consumers and settings were the same before and after; in every cell, nobody else heard
anything, and the message came out nowhere but at one's own door.

Two walls stand behind each other: an account for each organisation, and permissions inside it. The column *accounts alone*
is school A's with the permissions taken out of the configuration: the first wall holds without the second. There *reaches
nothing* means that nobody refused and nothing was there.

The last column tells how it is known that the attempt could succeed at all:

| the last column says | which means |
|---|---|
| works | with one account for all and no permissions, the same attempt takes effect |
| works in SYS | the same, for somebody in the server's own account |
| works unnamed | the same, on a broker that asks nobody's name |
| let through | without permissions it is not refused, but this server has nothing there |
| forbidden to all | the server refuses it to everybody, permissions or not |
| own | somebody in the row may, or is only too early or too late |
| another row | another row has the same with somebody who may |
";

/// A row as it was tried: by everybody, and by school A where there are accounts and no permissions.
pub(crate) type Tried = (Vec<Cell>, Option<Verdict>);

/// The whole page.
pub(crate) fn page(matrix: &[(&Group, Vec<Tried>)]) -> String {
    let mut page = HEAD.to_owned();
    for (group, rows) in matrix {
        let _ = write!(page, "\n## {}\n\n| |", group.title);
        for (seat, _) in rows.iter().take(1).flat_map(|(cells, _)| cells) {
            let _ = write!(page, " {} |", seat.title());
        }
        page.push_str(" accounts alone | without either |\n|---|");
        page.push_str(&"---|".repeat(Seat::KNOWN.len() + 3));
        page.push('\n');
        for (row, (cells, by_account)) in group.rows.iter().zip(rows) {
            let _ = write!(page, "| {} |", row.name);
            for (_, verdict) in cells {
                let _ = write!(page, " {verdict} |");
            }
            let by_account = by_account.as_ref().map_or_else(|| "–".to_owned(), ToString::to_string);
            let _ = writeln!(page, " {by_account} | {} |", known(row.control));
        }
    }
    page
}

const fn known(control: Control) -> &'static str {
    match control {
        Control::Works | Control::Shows(_) => "works",
        Control::WorksInTheSystem => "works in SYS",
        Control::WorksWithoutNames => "works unnamed",
        Control::LetThrough => "let through",
        Control::ForbiddenToAll => "forbidden to all",
        Control::InTheRow => "own",
        Control::InAnotherRow => "another row",
    }
}

/// Compares with the committed page, or writes it when `HWC_BLESS` is 1.
pub(crate) fn committed(page: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/isolation.md");
    if std::env::var_os("HWC_BLESS").is_some_and(|bless| bless == "1") {
        fs::write(&file, page).unwrap();
    }
    let known = fs::read_to_string(&file).unwrap_or_default();
    let differing: Vec<_> = page.lines().filter(|line| !known.lines().any(|one| one == *line)).collect();
    assert!(
        known == page,
        "docs/isolation.md is not what this run saw; HWC_BLESS=1 cargo test rewrites it. New:\n{}",
        differing.join("\n")
    );
}
