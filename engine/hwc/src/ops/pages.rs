//! `hwc completions` and `hwc man`: made from the command line itself, so that they say what it does.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Command;
use clap_complete::Shell;

use crate::{
    cli,
    exit::{self, Code},
};

/// What `hwc completions` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// For which shell. As in: hwc completions bash > /usr/share/bash-completion/completions/hwc
    #[arg(value_enum)]
    shell: Shell,
}

/// What `hwc man` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Man {
    /// The folder to write hwc.1, hwc-status.1 and so on into; made if it is not there.
    dir: PathBuf,
}

/// Prints what a shell completes `hwc` by.
pub(crate) fn completions(arguments: &Completions, mut command: Command) -> ExitCode {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "hwc", &mut text);
    cli::print(&String::from_utf8_lossy(&text))
}

/// Writes a page of the manual for each command.
pub(crate) fn man(arguments: &Man, mut command: Command) -> ExitCode {
    command.build();
    let written = fs::create_dir_all(&arguments.dir).and_then(|()| write(&arguments.dir, &command, "hwc"));
    match written {
        Ok(pages) => cli::print(&format!("{pages} pages in {}\n", arguments.dir.display())),
        Err(error) => {
            exit::say(&format!("{}: {error}", arguments.dir.display()));
            Code::Failed.into()
        }
    }
}

/// Writes the page of a command and of those below it; how many.
fn write(dir: &Path, command: &Command, name: &str) -> io::Result<usize> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command.clone().name(name.to_owned())).render(&mut page)?;
    fs::write(dir.join(format!("{name}.1")), page)?;
    let mut pages = 1;
    for below in command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set())
    {
        pages += write(dir, below, &format!("{name}-{}", below.get_name()))?;
    }
    Ok(pages)
}
