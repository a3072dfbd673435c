//! Takes the lines of a processing log to a collector. A line is in the file first, so a collector that is down holds nothing up and
//! loses nothing; what it did not confirm it is given again, with the same span.

use std::{
    fs::{self, File},
    io::{self, BufRead as _, BufReader, Seek as _, SeekFrom},
    path::PathBuf,
    time::Duration,
};

use hwc_telemetry::processing::{Line, ProcessingCollector};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::{Logbook, day, lines::LINE_BYTES_MAX};

/// Lines in one request, at most.
const BATCH_MAX: usize = 256;
/// How long to wait before a collector that did not answer is asked again, at first.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The same, at most: a collector that is there again has everything a quarter of a minute later.
const LONGEST_WAIT: Duration = Duration::from_secs(15);
/// The file in the log's folder that says how far it came.
const PLACE: &str = "carried.json";

/// How far lines were confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    /// Everything of earlier days is confirmed.
    day: Date,
    /// So many bytes of this one.
    bytes: u64,
}

/// Takes lines to a collector, for as long as [`Carrier::run`] is let run.
pub struct Carrier {
    logbook: Logbook,
    collector: ProcessingCollector,
    place: Place,
}

impl Carrier {
    /// Goes on where it was.
    pub fn new(logbook: Logbook, collector: ProcessingCollector) -> Self {
        let read = fs::read(logbook.folder().join(PLACE)).ok();
        let place = read.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        // Without a place everything is given once more; the collector knows each line by its span.
        let place = place.unwrap_or(Place { day: Date::MIN, bytes: 0 });
        Self { logbook, collector, place }
    }

    /// Runs until it is dropped, at any moment.
    pub async fn run(mut self) {
        let mut wait = FIRST_WAIT;
        loop {
            match self.carry().await {
                Ok(true) => wait = FIRST_WAIT,
                Ok(false) => {
                    wait = FIRST_WAIT;
                    self.logbook.has_trouble(None);
                    self.logbook.something_written().await;
                }
                Err(problem) => {
                    tracing::warn!(%problem, "lines of the processing log wait on the disk; trying again");
                    self.logbook.has_trouble(Some(format!(
                        "lines of the processing log wait on the disk: {problem}"
                    )));
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        }
    }

    /// Gives the collector the next lines; whether there were any.
    async fn carry(&mut self) -> Result<bool, String> {
        let (lines, place) = self.next().map_err(|error| error.to_string())?;
        if place == self.place {
            return Ok(false);
        }
        if !lines.is_empty() {
            self.collector.take(lines).await.map_err(|error| error.to_string())?;
        }
        let bytes = serde_json::to_vec(&place).map_err(|error| error.to_string())?;
        hwc_vault::replace(&self.logbook.folder().join(PLACE), &bytes).map_err(|error| error.to_string())?;
        self.place = place;
        Ok(true)
    }

    /// The lines behind the place, of one day; and the place behind them.
    fn next(&self) -> io::Result<(Vec<Line>, Place)> {
        for day in day::days(self.logbook.folder())?.range(self.place.day..) {
            let from = if *day == self.place.day { self.place.bytes } else { 0 };
            let (lines, bytes) = read(&day::file(self.logbook.folder(), *day), from)?;
            if bytes > from {
                return Ok((lines, Place { day: *day, bytes }));
            }
        }
        Ok((Vec::new(), self.place))
    }
}

/// The whole lines of a file from a place on, and the place behind them. What is no line is passed over, and said.
fn read(path: &PathBuf, from: u64) -> io::Result<(Vec<Line>, u64)> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let (mut file, mut lines, mut at) = (BufReader::new(file), Vec::new(), from);
    while lines.len() < BATCH_MAX {
        let mut line = Vec::new();
        let read = io::Read::take(&mut file, 2 * LINE_BYTES_MAX as u64).read_until(b'\n', &mut line)?;
        let Some(text) = line.strip_suffix(b"\n") else { break };
        at += read as u64;
        let line = std::str::from_utf8(text).ok().and_then(Line::read);
        if line.is_none() {
            tracing::error!("the processing log holds a line that is none; it is passed over");
        }
        lines.extend(line);
    }
    Ok((lines, at))
}
