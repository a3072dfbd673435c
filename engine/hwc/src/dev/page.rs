//! One school of the region is hosted: its contact uses a browser. What is mailed is taken in here and lies in a folder.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use hwc_schemas::{Organisation, Role};
use hwc_web::passphrase::Passphrase;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    task::JoinHandle,
};

use super::ground::{DevError, at, private_folder};
use crate::{roles::portal::enrol, settings::Relay};

/// An invented contact.
const NAME: &str = "Anne de Vries";
const ADDRESS: &str = "anne@school.example";
/// Everybody may know it: it protects nobody.
const PASSPHRASE: &str = "drie fietsen in mei";
/// Bytes of a letter that is taken in.
const LETTER_BYTES_MAX: usize = 256 * 1024;

/// The hosted page of one school.
pub(super) struct Page {
    school: Organisation,
    listen: SocketAddr,
    mail: SocketAddr,
    _taking: JoinHandle<()>,
}

impl Page {
    /// For the second of the schools, with its contact enrolled; none if there is only one.
    pub(super) async fn of(folder: &Path, organisations: &[Organisation]) -> Result<Option<Self>, DevError> {
        let Some(school) = organisations.iter().filter(|one| one.role() == Role::School).nth(1) else {
            return Ok(None);
        };
        let state = folder.join("state").join("portal");
        private_folder(&state)?;
        let relay =
            Relay::of_folders(folder.join("keys").join(school.to_string()), state.join(school.to_string()));
        if relay.keys.join("seal").exists() {
            // Whoever was killed in the middle begins again.
            let _ = std::fs::remove_file(relay.state_dir.join("contacts.json"));
            let (at_school, passphrase) = (school.clone(), Passphrase::said(PASSPHRASE));
            let wrapping = tokio::task::spawn_blocking(move || {
                enrol::wrap(&relay, &at_school, (NAME, ADDRESS), &passphrase)
            });
            let problem = match wrapping.await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            if let Some(problem) = problem {
                return Err(DevError::File { path: state, problem });
            }
        }
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|port| port.local_addr());
        let listen = free.map_err(at(folder))?;
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(at(folder))?;
        let mail = listener.local_addr().map_err(at(folder))?;
        let taking = tokio::spawn(take_in(listener, folder.join("mail")));
        Ok(Some(Self { school: school.clone(), listen, mail, _taking: taking }))
    }

    /// Which school.
    pub(super) const fn school(&self) -> &Organisation {
        &self.school
    }

    fn origin(&self) -> String {
        format!("http://localhost:{}", self.listen.port())
    }

    /// The process's own settings.
    pub(super) fn settings(&self) -> String {
        let Self { school, listen, mail, .. } = self;
        format!(
            "[portal]\nlisten = \"{listen}\"\norigin = \"{}\"\n\n[[portal.schools]]\norganisation = \"{school}\"\n\
             mailbox = \"hwc@{school}.example\"\n\n[post]\nserver = \"127.0.0.1\"\nport = {}\n\
             security = \"plain-on-this-machine\"\nfrom = \"hwc@relay.example\"\nlanguage = \"both\"\n",
            self.origin(),
            mail.port()
        )
    }

    /// What to do in a browser.
    pub(super) fn what_to_try(&self, folder: &Path) -> String {
        format!(
            "In a browser: {}   the page of {}\n\
             \x20 log in as {ADDRESS}; the code is in the newest file of {}/mail; passphrase: {PASSPHRASE}\n\n",
            self.origin(),
            self.school,
            folder.display()
        )
    }
}

/// Takes in whatever is mailed, until it is dropped.
async fn take_in(listener: tokio::net::TcpListener, folder: PathBuf) {
    let count = Arc::new(AtomicU32::new(0));
    while let Ok((stream, _)) = listener.accept().await {
        let (folder, count) = (folder.clone(), Arc::clone(&count));
        tokio::spawn(async move {
            // Whoever hangs up in the middle mailed nothing.
            let _ = converse(stream, &folder, &count).await;
        });
    }
}

async fn converse(stream: TcpStream, folder: &Path, count: &AtomicU32) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(read).lines();
    let mut letter: Option<String> = None;
    write.write_all(b"220 hwc dev\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let answer = match &mut letter {
            Some(text) if line == "." => {
                let number = count.fetch_add(1, Ordering::Relaxed) + 1;
                let now = jiff::Timestamp::now().as_millisecond();
                tokio::fs::write(folder.join(format!("{now}-{number}.eml")), text.as_bytes()).await?;
                letter = None;
                "250 taken\r\n"
            }
            Some(text) => {
                if text.len() + line.len() < LETTER_BYTES_MAX {
                    text.push_str(&line);
                    text.push('\n');
                }
                continue;
            }
            None if line.starts_with("DATA") => {
                letter = Some(String::new());
                "354 go on\r\n"
            }
            None if line.starts_with("QUIT") => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            None => "250 fine\r\n",
        };
        write.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}
