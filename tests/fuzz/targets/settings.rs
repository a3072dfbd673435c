//! Settings in strict TOML.
#![no_main]

use std::path::Path;

use hwc_fuzz::refused;
use serde::Deserialize;

#[path = "../../../engine/hwc/src/settings/strict.rs"]
mod strict;

/// One value of every kind that settings have.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    _text: Option<String>,
    _path: Option<std::path::PathBuf>,
    _address: Option<std::net::SocketAddr>,
    _number: Option<u16>,
    _list: Option<Vec<toml::Spanned<String>>>,
    _table: Option<Box<Table>>,
}

/// The file as a whole is read so; what is fuzzed is all of it but the opening.
const _: fn(&Path) -> Result<Table, strict::SettingsError> = strict::read;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let read = strict::text(bytes).and_then(strict::parse::<Table>);
    if let Err(error) = read {
        refused(&error);
    }
});
