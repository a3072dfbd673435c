//! `hwc demo`: a synthetic dataset live, then the outcome of each child, then the proof that nothing is left.

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use comfy_table::{ContentArrangement, Table, presets};
use hwc_schemas::{IncidentId, SignalId, SignalNumber, person::Synthetic};
use hwc_telemetry::LogTo;
use hwc_workflow::{Event, Fact, Found, calendar::Zone};

use crate::{
    cli,
    dataset::Dataset,
    exit::{self, Code},
    replay::{self, Ground, Options, ReplayError, Watcher, diary::Diarist},
};

/// The cases of the manual, as the project carries them.
pub(crate) const HANDBOOK: [(&str, &[u8]); 6] = [
    ("region.toml", include_bytes!("../../../simulations/handbook/region.toml")),
    ("reports.jsonl", include_bytes!("../../../simulations/handbook/reports.jsonl")),
    ("residents.csv", include_bytes!("../../../simulations/handbook/residents.csv")),
    ("enrolments.csv", include_bytes!("../../../simulations/handbook/enrolments.csv")),
    ("schools.csv", include_bytes!("../../../simulations/handbook/schools.csv")),
    ("holidays.json", include_bytes!("../../../simulations/handbook/holidays.json")),
];

/// Shows a dataset, or the manual's cases.
pub(crate) async fn run(dataset: Option<PathBuf>, nats_server: Option<PathBuf>) -> ExitCode {
    match Box::pin(show(dataset, nats_server)).await {
        Ok(code) => code,
        Err(error) => {
            exit::say(&error.to_string());
            error.code().into()
        }
    }
}

async fn show(dataset: Option<PathBuf>, nats_server: Option<PathBuf>) -> Result<ExitCode, ReplayError> {
    let ground = Ground::prepare(None)?;
    let dataset = match dataset {
        Some(folder) => Dataset::read(&folder)?,
        None => handbook(&ground)?,
    };
    let invented = dataset.synthetic.ok_or(ReplayError::NotSynthetic)?;
    hwc_telemetry::set_up(LogTo::File(&ground.log()), "info")
        .map_err(|error| ReplayError::Setup(error.to_string()))?;

    let reports = dataset.submissions.len();
    heading(&format!("{}: {reports} police reports, on a broker of its own", dataset.name));
    let live = Live { invented, zone: dataset.zone.clone() };
    Live::columns();
    let mut options = Options::new(nats_server);
    options.watcher = Some(Arc::new(live));
    let replayed = Box::pin(replay::run(dataset, &ground, &options)).await?;

    heading("What became of each child");
    outcomes(&replayed, invented);
    heading("What is left");
    let summary = &replayed.summary;
    cli::print(&format!("{summary}\n"));
    let words = if summary.is_clean() {
        "Nothing: no event, no ciphertext, no task. Whoever asks the broker now finds no trace of any child."
    } else {
        "SOMETHING IS LEFT, and there must not be."
    };
    cli::print(&format!("\n{words}\n"));
    Ok(if summary.is_fine() { Code::Fine } else { Code::Failed }.into())
}

fn handbook(ground: &Ground) -> Result<Dataset, ReplayError> {
    let folder = ground.folder().join("handbook");
    std::fs::create_dir_all(&folder).map_err(|error| ReplayError::Setup(error.to_string()))?;
    for (name, content) in HANDBOOK {
        std::fs::write(folder.join(name), content).map_err(|error| ReplayError::Setup(error.to_string()))?;
    }
    Ok(Dataset::read(&folder)?)
}

fn heading(text: &str) {
    cli::print(&format!("\n{text}\n{}\n", "─".repeat(text.chars().count())));
}

/// Prints each event as it becomes durable. Its children are invented, or it could not exist.
struct Live {
    invented: Synthetic,
    zone: Zone,
}

impl Live {
    fn columns() {
        cli::print(&format!(
            "{:<17} {:<24} {:<10} {:<13} what happened\n",
            "when", "report", "child", "state"
        ));
    }

    fn row(&self, at: jiff::Timestamp, report: &str, child: &str, state: &str, what: &str) {
        let at = self.zone.local(at).strftime("%a %d %b %H:%M").to_string();
        cli::print(&format!("{at:<17} {report:<24} {child:<10} {state:<13} {what}\n"));
    }
}

impl Live {
    fn name(&self, diarist: &Diarist, signal: SignalId) -> String {
        diarist.page(signal).and_then(|page| page.first_name(self.invented)).unwrap_or_default()
    }

    /// One row for each child that was found.
    fn family(&self, diarist: &Diarist, incident: IncidentId, event: &Event, found: &[Found], report: &str) {
        let already = diarist.signals(incident).saturating_sub(found.len());
        for (place, one) in found.iter().enumerate() {
            let Some(number) = SignalNumber::at(already + place) else { return };
            let (state, what) = match one {
                Found::Referred { municipality, .. } => {
                    ("Expanded", format!("sealed to {municipality} (R9)"))
                }
                Found::ScreenedOut { reason } => ("ScreenedOut", reason.as_str().to_owned()),
                Found::NotParticipating => ("Withheld", "municipality_not_participating".to_owned()),
            };
            self.row(event.at, report, &self.name(diarist, SignalId { incident, number }), state, &what);
        }
    }
}

impl Watcher for Live {
    fn noted(&self, diarist: &Diarist, incident: IncidentId, events: &[Event]) {
        let report = diarist.report_id(incident).unwrap_or_default();
        for event in events {
            if let Fact::Expanded { found, .. } | Fact::Joined { found } = &event.fact {
                self.family(diarist, incident, event, found, &report);
                continue;
            }
            let Some((state, what)) = words(&event.fact) else { continue };
            let number = event.fact.number();
            let child =
                number.map(|number| self.name(diarist, SignalId { incident, number })).unwrap_or_default();
            self.row(event.at, &report, &child, state, &what);
        }
        // Somebody may be watching through a pipe.
        let _ = std::io::stdout().flush();
    }
}

/// What an event is called in the table; none for book-keeping.
fn words(fact: &Fact) -> Option<(&'static str, String)> {
    Some(match fact {
        Fact::Recorded { .. } => ("Recorded", "the report is sealed to Veilig Thuis (R8)".to_owned()),
        Fact::Screened => ("Screened", "it qualifies; the household is looked up (R3, R9)".to_owned()),
        Fact::NotDomesticViolence { .. } => ("ScreenedOut", "not_domestic_violence (R3)".to_owned()),
        Fact::Routed { school, .. } => ("Routed", format!("sealed to {school} (R12)")),
        Fact::LookUpAgain { .. } => ("Expanded", "held for over 24 hours: looked up afresh (R12)".to_owned()),
        Fact::Withheld { reason, .. } => ("Withheld", reason.as_str().to_owned()),
        Fact::Delivered { .. } => {
            ("Delivered", "from now on the school's contact may open it (R17, R19)".to_owned())
        }
        Fact::Opened { .. } => ("Delivered", "the contact opens it (R20)".to_owned()),
        Fact::Reminded { notice, .. } => ("Delivered", format!("notice: {} (R20)", notice.as_str())),
        Fact::Acknowledged { .. } => ("Acknowledged", "Ontvangen (R20)".to_owned()),
        Fact::Returned { .. } => ("Expanded", "Geen leerling van ons (R24)".to_owned()),
        Fact::Recalled { reason, .. } => ("Recalled", reason.as_str().to_owned()),
        Fact::Expired { reason, .. } => ("Expired", reason.as_str().to_owned()),
        Fact::Purged { .. } => ("Purged", "nothing of it is left (R23)".to_owned()),
        Fact::Expanded { .. }
        | Fact::Joined { .. }
        | Fact::ReportExpired
        | Fact::Erased { .. }
        | Fact::BreachRecorded { .. }
        | Fact::IncidentPurged => return None,
    })
}

fn outcomes(replayed: &replay::Replayed, invented: Synthetic) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["report", "child", "", "outcome", "reason", "school", "delivered", "acknowledged"]);
    let zone = replayed.dataset.zone.as_time_zone();
    let short = |moment: &Option<String>| {
        moment.as_deref().map_or(String::new(), |text| text.get(..16).unwrap_or(text).replace('T', " "))
    };
    let _ = replayed.diarist.write(invented, zone, |line| {
        table.add_row([
            line.report_id.to_owned(),
            line.child.first_name().to_owned(),
            if line.sibling { "sibling" } else { "" }.to_owned(),
            line.outcome.unwrap_or("?").to_owned(),
            line.reason.unwrap_or_default().to_owned(),
            line.school.unwrap_or_default().to_owned(),
            short(&line.delivered_at),
            short(&line.acknowledged_at),
        ]);
        Ok::<(), std::convert::Infallible>(())
    });
    let text = table.to_string();
    let plain = !std::io::stdout().is_terminal();
    cli::print(&format!(
        "{}\n",
        if plain { text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n") } else { text }
    ));
}
