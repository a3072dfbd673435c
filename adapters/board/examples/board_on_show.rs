//! A board on a morning that is invented, on `http://localhost:PORT`: to look at, and for the browser's tests. `jo` comes in with
//! *three bicycles in may*. As long as there is a file `moved` in the folder, what was late is at its school.
//!
//! ```text
//! cargo run -p hwc-board --example board_on_show -- PORT FOLDER
//! ```

#[path = "../tests/it/pretend.rs"]
mod pretend;

use std::{error::Error, fs, os::unix::fs::PermissionsExt as _, path::PathBuf, sync::Arc, time::Duration};

use hwc_board::{Accounts, Board, Crew, pages};
use hwc_web::{Audit, Gate, Listening, OsChance, Paces, SessionLaw, passphrase::Passphrase};
use jiff::{Timestamp, tz::TimeZone};
use pretend::{Pretend, morning, moved};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let usage = "usage: board_on_show PORT FOLDER";
    let [port, folder] =
        <[String; 2]>::try_from(std::env::args().skip(1).collect::<Vec<_>>()).map_err(|_| usage)?;
    let (port, folder) = (port.parse::<u16>()?, PathBuf::from(folder));
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700))?;
    let accounts = folder.join("accounts");
    Accounts::enrol(&accounts, "jo", &Passphrase::said("three bicycles in may"), false, &OsChance)?;
    let zone = TimeZone::get("Europe/Amsterdam")?;
    let audit = Audit::open(&folder, 3, zone.to_datetime(Timestamp::now()).date())?;
    let listening = Listening::bind(([127, 0, 0, 1], port).into(), None).await?;
    let origin = format!("http://localhost:{}", listening.address().port());
    let crew = Crew::new(Accounts::open(&accounts)?, audit, "Hart van Brabant".to_owned(), zone);
    let gate = Arc::new(Gate::new(Arc::new(crew), origin, SessionLaw::MORNING, Paces::default(), OsChance)?);
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    let source = Pretend::on_a_morning();
    let board = Arc::new(Board::new(gate, source.clone(), stopped.clone()));
    fs::write(folder.join("port"), listening.address().port().to_string())?;
    let following = async {
        loop {
            source.stands(if folder.join("moved").exists() { moved() } else { morning() });
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = listening.serve(pages(board), stopped, Duration::from_secs(1)) => {}
        () = following => {}
    }
    Ok(())
}
