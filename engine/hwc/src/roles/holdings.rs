//! `holdings` of a school, a municipality or Veilig Thuis: what the relay holds for it, and, with `--ask`, whether any of that is about one
//! child (R28). The child's name is typed at the terminal; it goes to the running process, and nowhere else.

use std::{io::Write as _, path::Path};

use hwc_adapter_kit::{
    counter::{ask, ask_about},
    holdings::{About, Answer, Likeness, Line, Look, Question, Reply},
};
use hwc_casework::names::{matches, nearly_matches};
use hwc_schemas::{
    Role, SignalId,
    letter::{Hop, Letter, Sealable as _},
    person::{Child, DateOfBirth},
};
use zeroize::Zeroizing;

use super::words;
use crate::{
    cli::{self, Output},
    exit::{self, Code},
};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Vraagt naam en geboortedatum, en of er iets over dat kind bij is (asks for a name and a date of birth at the terminal).
    #[arg(long)]
    ask: bool,
    /// Gaat door zonder te vragen, ook als dat iets vastlegt (goes on without asking, though something is recorded).
    #[arg(long)]
    yes: bool,
    /// Hoe het getoond wordt (how to print it).
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    output: Output,
}

/// Longest line that is read, in bytes: a name in letters of four bytes.
const LINE_BYTES_MAX: usize = 1024;

/// How much two spellings are one child (R16).
pub(super) fn alike(one: &Child, other: &Child) -> Likeness {
    if matches(one, other) {
        Likeness::Same
    } else if nearly_matches(one, other) {
        Likeness::Near
    } else {
        Likeness::Other
    }
}

/// Somebody comes to the counter.
pub(super) async fn visit(folder: &Path, role: Role, arguments: &Arguments) -> Code {
    if !arguments.ask {
        return match ask::<_, Reply>(folder, &Question { holdings: Look::List }).await {
            Ok(said) => told(said.reply.holdings, role, arguments.output),
            Err(error) => words::not_answered(&error),
        };
    }
    // To open a letter is an event that cannot be taken back.
    if role == Role::School && !arguments.yes {
        match may_go_on(folder).await {
            Ok(true) => {}
            Ok(false) => {
                exit::say("Er is niets geopend.");
                return Code::Refused;
            }
            Err(code) => return code,
        }
    }
    let child = match asked() {
        Ok(child) => child,
        Err(problem) => {
            exit::say(&problem);
            return Code::Failed;
        }
    };
    let enclosed = Letter { child }.to_plaintext();
    match ask_about::<_, Reply>(folder, &Question { holdings: Look::About }, Some(&enclosed)).await {
        Ok(said) => told(said.reply.holdings, role, arguments.output),
        Err(error) => words::not_answered(&error),
    }
}

/// How many letters it would open, and whether that is meant.
async fn may_go_on(folder: &Path) -> Result<bool, Code> {
    let said = ask::<_, Reply>(folder, &Question { holdings: Look::List }).await;
    let Reply { holdings } = said.map_err(|error| words::not_answered(&error))?.reply;
    let Answer::Held { held, .. } = holdings else { return Err(words::strange()) };
    let opens = held.iter().filter(|one| one.due).count();
    if opens == 0 {
        return Ok(true);
    }
    let letters = if opens == 1 { "wordt 1 brief".to_owned() } else { format!("worden {opens} brieven") };
    prompt(&format!(
        "Om dit te beantwoorden {letters} geopend. Dat wordt vastgelegd, en daarna is bekend dat de school die heeft \
         geopend.\nDoorgaan? (ja/nee) "
    ));
    let answer = line().map_err(|problem| {
        exit::say(&problem);
        Code::Failed
    })?;
    Ok(matches!(answer.trim(), "ja" | "Ja" | "JA" | "j"))
}

/// Asks for the child. What is typed is wiped.
fn asked() -> Result<Child, String> {
    prompt("Voornaam of voornamen: ");
    let given_names = line()?;
    prompt("Tussenvoegsel (leeg als er geen is): ");
    let prefix = line()?;
    prompt("Achternaam: ");
    let surname = line()?;
    prompt("Geboortedatum (jjjj-mm-dd): ");
    let born = line()?;
    let born = DateOfBirth::parse(born.trim());
    let born = born.map_err(|_| "Dat is geen geboortedatum; schrijf jjjj-mm-dd.".to_owned())?;
    let prefix = Some(prefix.trim()).filter(|prefix| !prefix.is_empty());
    Child::new(&given_names, prefix, &surname, born).map_err(|error| {
        let field = match error.field {
            "given_names" => "De voornaam",
            "prefix" => "Het tussenvoegsel",
            _ => "De achternaam",
        };
        format!("{field} is niet te gebruiken: leeg, te lang, of met tekens of nummers die er niet in horen.")
    })
}

/// On standard error, so that the answer alone is on standard output.
pub(super) fn prompt(words: &str) {
    // Nobody may be reading.
    let _ = write!(std::io::stderr(), "{words}");
}

/// One line of standard input, past the library's own buffer, which is not wiped.
pub(super) fn line() -> Result<Zeroizing<String>, String> {
    let unread = || "Er is niets gelezen.".to_owned();
    let mut bytes = Zeroizing::new(Vec::with_capacity(LINE_BYTES_MAX));
    let mut one = Zeroizing::new([0_u8]);
    loop {
        match rustix::io::read(std::io::stdin(), one.as_mut_slice()) {
            Ok(0) if bytes.is_empty() => return Err(unread()),
            Ok(0) => break,
            Ok(_) if one[0] == b'\n' => break,
            Ok(_) if bytes.len() == LINE_BYTES_MAX => return Err("Dat is te lang.".to_owned()),
            Ok(_) => bytes.push(one[0]),
            Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Err(unread()),
        }
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| "Dat is geen leesbare tekst.".to_owned())?;
    Ok(Zeroizing::new(text.trim_end_matches('\r').to_owned()))
}

fn told(answer: Answer, role: Role, output: Output) -> Code {
    match answer {
        Answer::NoAnswer => {
            exit::say("De relay antwoordde niet op tijd, of kent deze vraag niet. Probeer het straks weer.");
            Code::Unreachable
        }
        Answer::NoChild => words::strange(),
        Answer::Held { held, more, about } => {
            cli::print(&match (output, &about) {
                (Output::Json, _) => {
                    format!("{}\n", serde_json::json!({ "held": held, "more": more, "about": about }))
                }
                (Output::Text, None) => listed(&held, more),
                (Output::Text, Some(about)) => answered(&held, more, about, role),
            });
            Code::Fine
        }
    }
}

fn listed(held: &[Line], more: usize) -> String {
    if held.is_empty() {
        return "De relay bewaart op dit moment niets dat voor u is verzegeld.\n".to_owned();
    }
    let mut text =
        format!("{:<36}  {:<10}  {:<22}  {:<9}  uiterlijk weg\n", "kenmerk", "wat", "van", "te openen");
    for one in held {
        let open = if one.due { "ja" } else { "nu niet" };
        say(
            &mut text,
            &format!(
                "{:<36}  {:<10}  {:<22}  {open:<9}  {}\n",
                mark(one),
                what(one.hop),
                one.from.to_string(),
                words::local(one.until)
            ),
        );
    }
    if more > 0 {
        say(&mut text, &format!("en nog {more}\n"));
    }
    text + "\nGaat er iets over één kind?  voeg --ask toe\n"
}

fn say(text: &mut String, words: &str) {
    text.push_str(words);
}

fn mark(one: &Line) -> String {
    match one.number {
        Some(number) => SignalId { incident: one.incident, number }.to_string(),
        None => one.incident.to_string(),
    }
}

const fn what(hop: Hop) -> &'static str {
    match hop {
        Hop::Report => "melding",
        Hop::Referral => "verwijzing",
        Hop::Letter => "brief",
    }
}

fn answered(held: &[Line], more: usize, about: &About, role: Role) -> String {
    let mut text = match about.same.len() {
        0 => "Er is niets gevonden over dit kind in wat op dit moment mag worden geopend.\n".to_owned(),
        1 => "Er is 1 bericht over dit kind:\n".to_owned(),
        number => format!("Er zijn {number} berichten over dit kind:\n"),
    };
    let place = |place: &usize| held.get(*place);
    for one in about.same.iter().filter_map(place) {
        say(&mut text, &format!("  {}\n", row(one)));
    }
    if !about.near.is_empty() {
        text += "\nDit lijkt erop (zelfde geboortedatum, en zelfde voornaam of zelfde achternaam); het kan een ander kind zijn:\n";
        for one in about.near.iter().filter_map(place) {
            say(&mut text, &format!("  {}\n", row(one)));
        }
    }
    say(
        &mut text,
        &format!(
            "\nBekeken: {}. Er is niets getoond, bewaard of vastgelegd over wie het gaat.\n",
            about.opened
        ),
    );
    if about.closed > 0 {
        let last = held.iter().filter(|one| !one.due).map(|one| one.until).max();
        say(
            &mut text,
            &format!(
                "\nNiet te openen: {}{}.\n{}\n",
                about.closed,
                last.map(|last| format!(", uiterlijk weg op {}", words::local(last))).unwrap_or_default(),
                closed(role)
            ),
        );
    }
    if about.ended > 0 {
        say(
            &mut text,
            &format!(
                "\nTerwijl er werd gekeken zijn er {} ge\u{eb}indigd; die zijn er niet meer.\n",
                about.ended
            ),
        );
    }
    if about.failed > 0 || more > 0 {
        let failed = about.failed + more;
        say(
            &mut text,
            &format!(
                "\nLET OP: {failed} zijn niet bekeken, want dat lukte niet of niet op tijd. Vraag het nog eens.\n"
            ),
        );
    }
    text + "\n" + elsewhere(role)
}

fn row(one: &Line) -> String {
    format!(
        "{} van {}, in de relay, verzegeld aan u; uiterlijk weg op {}  ({})",
        what(one.hop),
        one.from,
        words::local(one.until),
        mark(one)
    )
}

/// What is held for us and nobody may open now, and who can answer for it.
const fn closed(role: Role) -> &'static str {
    match role {
        Role::Municipality => {
            "Dat zijn uw eigen exemplaren van signalen die al zijn doorgestuurd (R21). De regels laten niemand die nu openen, ook u \
             niet:\nalleen na terugroepen, teruggeven of opnieuw opzoeken. Over wie ze gaan kan de school zeggen die de brief heeft; \
             welke\nscholen dat zijn weet de beheerder van de relay (hwc holdings). Ze zijn weg zodra het signaal eindigt."
        }
        Role::School => {
            "Dat zijn brieven die nog niet bezorgd mogen worden: niemand kan ze nu openen. Op uw eerstvolgende schooldag kunt u dat \
             wel;\nvraag het dan nog eens."
        }
        Role::VeiligThuis | Role::Police => "Niemand kan ze nu openen.",
    }
}

/// Where else to ask.
const fn elsewhere(role: Role) -> &'static str {
    match role {
        Role::VeiligThuis | Role::Police => {
            "Dit gaat over meldingen die nog gescreend of opgezocht worden, en over de kinderen die de politie daarin noemt. Wat al is \
             verwezen\nis verzegeld aan de gemeente: vraag het ook daar.\n"
        }
        Role::Municipality => {
            "Dit gaat over wat nog naar een school moet. Wat nog gescreend wordt ligt bij Veilig Thuis, wat bezorgd is bij de school: vraag \
             het ook daar.\n"
        }
        Role::School => {
            "Dit gaat over brieven die aan uw school zijn bezorgd en nog niet zijn bevestigd. Wat nog onderweg is ligt bij Veilig Thuis of \
             de gemeente: vraag het ook daar.\n"
        }
    }
}

#[cfg(test)]
mod tests {
    use hwc_schemas::IncidentId;
    use uuid::Uuid;

    use super::*;

    fn held(due: bool) -> Line {
        Line {
            incident: IncidentId::from_uuid(Uuid::from_u128(7)),
            number: hwc_schemas::SignalNumber::at(0),
            hop: Hop::Referral,
            from: "veilig-thuis-17".parse().unwrap(),
            due,
            until: "2026-12-16T09:00:00Z".parse().unwrap(),
        }
    }

    #[test]
    fn an_answer_says_what_matches_what_nobody_may_open_and_whom_to_ask() {
        let about = About { opened: 2, same: vec![0], near: vec![1], closed: 1, ended: 0, failed: 0 };
        let text = answered(&[held(true), held(true), held(false)], 0, &about, Role::Municipality);
        for words in [
            "1 bericht over dit kind",
            "verwijzing van veilig-thuis-17, in de relay, verzegeld aan u; uiterlijk weg op 2026-12-16 10:00",
            "Dit lijkt erop",
            "Bekeken: 2",
            "Niet te openen: 1, uiterlijk weg op 2026-12-16 10:00",
            "kan de school zeggen die de brief heeft",
            "vraag het ook daar",
        ] {
            assert!(text.contains(words), "{words}\n{text}");
        }
        assert!(!text.contains("LET OP"));
    }

    #[test]
    fn what_was_not_looked_at_is_said_and_nothing_is_said_plainly() {
        let about = About { opened: 0, same: Vec::new(), near: Vec::new(), closed: 0, ended: 1, failed: 2 };
        let text = answered(&[held(true)], 3, &about, Role::School);
        assert!(text.contains("niets gevonden") && text.contains("LET OP: 5 zijn niet bekeken"), "{text}");
        assert!(listed(&[], 0).contains("niets dat voor u is verzegeld"));
        let list = listed(&[held(true), held(false)], 4);
        assert!(
            list.contains("nu niet") && list.contains("en nog 4") && list.contains("00000007-1"),
            "{list}"
        );
    }
}
