//! A desk on a morning with invented cases, on `http://localhost:PORT`: to look at, and for the browser's tests. Codes to log in with
//! are written to the folder that is given, one file an address.
//!
//! ```text
//! cargo run -p hwc-desk --example desk_on_show -- PORT FOLDER
//! ```

#[path = "../tests/it/pretend.rs"]
#[expect(dead_code, clippy::expect_used, reason = "it is the tests' own, who need more of it")]
mod pretend;

use std::{error::Error, fs, path::PathBuf, sync::Arc, time::Duration};

use hwc_desk::{Desk, May, Roster, Shelf, Staff, StaffMember, pages};
use hwc_post::Mailbox;
use hwc_web::{Audit, Gate, Listening, OsChance, Paces, SessionLaw, code::Code};
use jiff::{Timestamp, tz::TimeZone};
use pretend::Pretend;

const WIT: &str = "wit@gemeente.example";

fn member(id: &str, name: &str, address: &str, function: &str, may: May) -> StaffMember {
    let text = str::to_owned;
    StaffMember { id: text(id), name: text(name), address: text(address), function: text(function), may }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: desk_on_show PORT FOLDER";
    let [port, folder] =
        <[String; 2]>::try_from(std::env::args().skip(1).collect::<Vec<_>>()).map_err(|_| usage)?;
    let (port, folder) = (port.parse::<u16>()?, PathBuf::from(folder));
    let zone = TimeZone::get("Europe/Amsterdam")?;
    let audit = Audit::open(&folder, 3, zone.to_datetime(Timestamp::now()).date())?;
    let codes = folder.clone();
    let wit = Mailbox::parse(WIT)?;
    let mails = move |to: Mailbox, code: Code| {
        let name = if to == wit { "wit" } else { "kijkt" };
        // A code that cannot be written is a code that never comes.
        let _ = fs::write(codes.join(name), code);
    };
    let roster = Roster::new(vec![
        member("lpa-1", "Anna de Wit", WIT, "leerplichtambtenaar", May::Decide),
        member("kijkt-1", "Carla Kijkt", "kijkt@gemeente.example", "beleidsmedewerker", May::Look),
    ])?;
    let listening = Listening::bind(([127, 0, 0, 1], port).into(), None).await?;
    let origin = format!("http://localhost:{}", listening.address().port());
    let staff = Staff::new(roster, mails, audit, "Gemeente Goirle".to_owned(), zone);
    let gate = Arc::new(Gate::new(Arc::new(staff), origin, SessionLaw::MORNING, Paces::default(), OsChance)?);
    let shelf = Shelf::in_folder(Some(folder.clone()));
    let desk = Arc::new(Desk::new(gate, Pretend::on_a_morning(), shelf, "0785".to_owned()));
    fs::write(folder.join("port"), listening.address().port().to_string())?;
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    listening.serve(pages(desk), stopped, Duration::from_secs(1)).await;
    Ok(())
}
