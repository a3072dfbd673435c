//! Somebody with a browser of the simplest kind, in front of the hosted page: it keeps cookies and follows nothing.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
};

use crate::{
    mails::MailServer,
    processes::fine,
    region::{Process, Region},
};

/// What the first contacts of both schools know by heart.
pub(crate) const PASSPHRASE: &str = "drie fietsen in mei";

/// The hosted page of two schools.
pub(crate) struct Page {
    pub(crate) process: Option<Process>,
    pub(crate) mails: MailServer,
    port: u16,
}

impl Page {
    /// The contact of each school, both enrolled with the same passphrase.
    pub(crate) const ANNE: &str = "anne@school-een.example";
    pub(crate) const CEES: &str = "cees@school-twee.example";
    const SCHOOLS: [(&str, &str, &str); 2] =
        [("school-01AA00", "Anne de Vries", Self::ANNE), ("school-02BB00", "Cees Bos", Self::CEES)];

    /// Settings for both schools of a region, with a contact each; the page runs.
    pub(crate) fn of(region: &Region) -> Self {
        Self::behind(region, 0)
    }

    /// The same, for an engine whose clock is so many seconds ahead.
    pub(crate) fn behind(region: &Region, ahead: i64) -> Self {
        let mails = MailServer::start(&region.path().join("mail-is-down"));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let schools = Self::SCHOOLS.map(|(name, _, _)| {
            format!("[[portal.schools]]\norganisation = \"{name}\"\nmailbox = \"hwc@{name}.example\"\n")
        });
        let schools = schools.concat();
        let text = format!(
            "[relay]\nbroker = \"{}\"\nkeys = \"keys\"\nstate_dir = \"state/portal\"\ndrain_seconds = 5\n\
             logbook = {{ activities = \"activities.toml\" }}\n\
             [portal]\nlisten = \"127.0.0.1:{port}\"\norigin = \"http://localhost:{port}\"\n{schools}{}\
             clock_offset_seconds = {ahead}\n",
            region.url(),
            mails.settings(),
        );
        let activities = Self::SCHOOLS.map(|(name, _, _)| {
            let uri = "https://bestuur.example/verwerkingen";
            format!("[{name}]\nopen = \"{uri}/1\"\nacknowledge = \"{uri}/2\"\nreturn = \"{uri}/3\"\n")
        });
        fs::write(region.path().join("activities.toml"), activities.concat()).unwrap();
        fs::write(region.settings("portal"), text).unwrap();
        let secret = region.path().join("keys/passphrase");
        fs::set_permissions(region.path().join("keys"), fs::Permissions::from_mode(0o700)).unwrap();
        fs::write(&secret, format!("{PASSPHRASE}\n")).unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        for (school, name, address) in Self::SCHOOLS {
            let file = secret.to_str().unwrap();
            let enrolling = ["enrol", school, "--passphrase-file", file, "-o", "json"];
            let said = fine(region.types("portal", &enrolling, &format!("{name}\n{address}\n")));
            assert!(
                said.starts_with(&format!("{{\"school\":\"{school}\"")) && !said.contains(name),
                "{said}"
            );
        }
        fs::remove_file(secret).unwrap();
        let mut page = Self { process: None, mails, port };
        page.start(region);
        page
    }

    /// A page that runs already.
    pub(crate) const fn at(process: Process, mails: MailServer, port: u16) -> Self {
        Self { process: Some(process), mails, port }
    }

    /// Starts it, once more.
    pub(crate) fn start(&mut self, region: &Region) {
        let process = region.start_loudly("portal");
        process.says("at work");
        self.process = Some(process);
    }

    pub(crate) fn visitor(&self) -> Visitor {
        Visitor { port: self.port, cookies: BTreeMap::new() }
    }

    /// The code that was mailed last to somebody.
    pub(crate) fn code(&self, address: &str, letters: usize) -> String {
        let letters = self.mails.waits_for(address, letters);
        let digits = |line: &str| line.len() == 11 && line.trim().split(' ').all(|part| part.len() == 4);
        let last = letters.last().unwrap();
        last.lines().find(|line| digits(line)).unwrap_or_else(|| panic!("{last}")).trim().to_owned()
    }

    /// Somebody who is logged in, for the so manieth time.
    pub(crate) fn logged_in(&self, address: &str, passphrase: &str, letters: usize) -> Visitor {
        let mut visitor = self.visitor();
        visitor.get("/login");
        visitor.press("/login", &[("address", address)]);
        visitor.get("/login/code");
        let code = self.code(address, letters);
        let answer = visitor.press("/login/code", &[("code", &code), ("passphrase", passphrase)]);
        assert_eq!((answer.status, answer.location()), (303, "/"), "{}", answer.body);
        visitor
    }
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn location(&self) -> &str {
        self.head.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_default()
    }

    /// What the forms of this page carry under a name.
    pub(crate) fn fields(&self, name: &str) -> Vec<String> {
        let mark = format!("name=\"{name}\" value=\"");
        self.body.split(&mark).skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()).collect()
    }
}

/// Somebody with a browser.
#[derive(Clone)]
pub(crate) struct Visitor {
    port: u16,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Visitor {
    /// Where every visitor keeps what the last page's forms carried.
    const CSRF: &str = "csrf";

    /// Somebody in front of the page at this port.
    pub(crate) const fn at(port: u16) -> Self {
        Self { port, cookies: BTreeMap::new() }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        let answer = self.send("GET", path, "");
        if let Some(csrf) = answer.fields(Self::CSRF).pop() {
            self.cookies.insert(Self::CSRF.to_owned(), csrf);
        }
        answer
    }

    /// Presses a button of the page that was got last.
    pub(crate) fn press(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.cookies.get(Self::CSRF).cloned().unwrap_or_default();
        let mut parts = vec![format!("csrf={csrf}")];
        for (name, value) in fields {
            let escaped: Vec<_> = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
            parts.push(format!("{name}={}", escaped.concat()));
        }
        let body = parts.join("&");
        self.send("POST", path, &body)
    }

    fn send(&mut self, method: &str, path: &str, body: &str) -> Answer {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let port = self.port;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\nCookie: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            cookies.join("; "),
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) =
            answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{method} {path}: {answer}"));
        for set in head.lines().filter_map(|line| line.strip_prefix("set-cookie: ")) {
            let (name, value) = set.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }
}
