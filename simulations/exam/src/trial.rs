//! One exam while it goes on: matters are raised, waited for and looked into.

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hwc_jetstream::DoorName;
use hwc_schemas::{
    IncidentId, Role, SignalId,
    ask::{Ask, Progress, Told},
    report::Kind,
    wire::{Answer, Task},
};
use tokio::{task::JoinHandle, time::Instant};

use crate::{
    ExamError, Paper, Verdict,
    ground::Ground,
    people::People,
    porter::{Laid, Planned, Twist},
    record::Said,
    rest::{self, Arrival},
    subject::{text, until_it_works},
};

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// How long the rest of the world may take for its part.
const REST_WITHIN: Duration = Duration::from_mins(1);
/// How long an adapter that somebody else starts may take to come.
const COMES_WITHIN: Duration = Duration::from_mins(10);
/// How long whatever should not happen is waited for.
pub(crate) const QUIET_FOR: Duration = Duration::from_secs(4);

/// What a case comes to before it is over, if it does.
pub(crate) type So<T> = Result<T, Verdict>;

/// One incident with one child, put to the adapter.
pub(crate) struct Matter {
    /// Known from the start, but for the police's, who make it.
    pub(crate) incident: Option<IncidentId>,
    pub(crate) child: usize,
    pub(crate) kind: Kind,
    /// What the adapter is asked, if it is.
    pub(crate) task: Option<Task>,
    /// When it was raised.
    since: Duration,
    /// The file of the police's report.
    pub(crate) file: Option<std::path::PathBuf>,
    people_at_it: Option<AtIt>,
}

/// Somebody who does something until it works; they stop when this is dropped.
struct AtIt {
    work: JoinHandle<()>,
    said: Arc<Mutex<String>>,
}

impl Drop for AtIt {
    fn drop(&mut self) {
        self.work.abort();
    }
}

/// The exam.
pub(crate) struct Trial<'a> {
    pub(crate) paper: &'a Paper,
    pub(crate) ground: Ground,
    next_child: usize,
    reports: usize,
    known: Vec<IncidentId>,
}

impl<'a> Trial<'a> {
    /// Starts the adapter, if it is ours to start.
    pub(crate) fn begin(paper: &'a Paper, ground: Ground) -> Result<Self, ExamError> {
        ground.porter.subject.start()?;
        let next_child = People::FIRST_ORDINARY;
        Ok(Self { paper, ground, next_child, reports: 0, known: Vec::new() })
    }

    /// Ends it, and leaves behind what was said and told, without what was sealed.
    pub(crate) async fn end(self) {
        let said = self.ground.porter.said();
        let mut text = String::new();
        for said in &said {
            let _ = writeln!(text, "{}", said.to_json());
        }
        let file = self.ground.folder.join("transcript.jsonl");
        if let Err(error) = std::fs::write(&file, text) {
            tracing::warn!(%error, "the transcript was not written");
        }
        self.ground.porter.subject.stop().await;
    }

    /// The role under exam.
    pub(crate) const fn role(&self) -> Role {
        self.paper.role
    }

    /// The commands by which a matter of this role is decided.
    pub(crate) const fn deciding(&self) -> &'static [&'static str] {
        match self.role() {
            Role::Police => &["record"],
            Role::VeiligThuis => &["expand"],
            Role::Municipality => &["route", "withhold"],
            Role::School => &["acknowledge"],
        }
    }

    /// Before a case: nothing of the last one is left, and the adapter runs.
    pub(crate) fn tidy_up(&mut self) -> Result<(), ExamError> {
        let porter = &self.ground.porter;
        porter.plan_nothing();
        porter.embellish(false);
        if porter.subject.ended().is_some() {
            porter.cause(None);
            porter.subject.start()?;
        }
        Ok(())
    }

    /// The adapter must be ours for this.
    pub(crate) fn must_be_ours(&self) -> So<()> {
        if self.ground.porter.subject.is_ours() {
            return Ok(());
        }
        Err(Verdict::NotShown(
            "say --adapter COMMAND, so that the exam can kill it and start it again".to_owned(),
        ))
    }

    /// A matter about the next ordinary child.
    pub(crate) fn matter(&mut self) -> Matter {
        let child = self.next_child;
        self.next_child += 1;
        self.matter_of(child)
    }

    /// A matter about this child.
    pub(crate) fn matter_of(&self, child: usize) -> Matter {
        let made_here = self.role() != Role::Police;
        let incident = made_here.then(|| IncidentId::from_uuid(uuid::Uuid::new_v4()));
        let since = self.ground.porter.now();
        Matter {
            incident,
            child,
            kind: Kind::DomesticViolence,
            task: None,
            since,
            file: None,
            people_at_it: None,
        }
    }

    /// From now on this is done about a matter.
    pub(crate) fn plan(
        &self,
        matter: &Matter,
        door: DoorName,
        what: &'static [&'static str],
        (twist, times): (Twist, u32),
    ) {
        // A question is about no incident, and the police's is not known yet.
        let about = matter.incident.filter(|_| door != DoorName::Ask);
        let before = self.known.clone();
        self.ground.porter.plan(Planned { door, what, about, before, twist, times });
    }

    /// Brings a matter before the adapter.
    pub(crate) async fn raise(&mut self, matter: &mut Matter) -> So<()> {
        matter.since = self.ground.porter.now();
        let Some(incident) = matter.incident else { return self.have_it_sent(matter).await };
        let Some(police) = self.ground.police.clone() else { return Ok(()) };
        let people = &self.ground.diary.people;
        let sending = rest::report(&police, people, (incident, matter.child, matter.kind));
        match tokio::time::timeout(REST_WITHIN, sending).await {
            Ok(Ok(Answer::Recorded | Answer::AlreadyRecorded)) => {}
            Ok(Ok(answer)) => return Err(trouble(&format!("its police were told {answer:?}"))),
            Ok(Err(why)) => return Err(trouble(&why)),
            Err(_) => return Err(trouble("its engine does not answer")),
        }
        let role = self.role();
        let is_its_turn = |task: &Task| match task {
            Task::Screen { .. } => role == Role::VeiligThuis,
            Task::Route { .. } => role == Role::Municipality,
            Task::Read { .. } => role == Role::School,
            Task::LookUp { .. } | Task::Notice { .. } => false,
        };
        let porter = Arc::clone(&self.ground.porter);
        let laid = until(REST_WITHIN, async || {
            let laid = porter.laid();
            laid.into_values()
                .map(|laid| laid.task)
                .find(|task| task.incident() == incident && is_its_turn(task))
        });
        matter.task = Some(laid.await.ok_or_else(|| trouble("the task did not come so far"))?);
        Ok(())
    }

    /// Has the police send a report.
    async fn have_it_sent(&mut self, matter: &mut Matter) -> So<()> {
        let file = if let Some(file) = &matter.file {
            file.clone()
        } else {
            self.reports += 1;
            let name = format!("report-{}", self.reports);
            let file = self.ground.folder.join("reports").join(format!("{name}.jsonl"));
            let report = self.ground.diary.people.report_file(matter.child, &name);
            std::fs::write(&file, report).map_err(|error| trouble(&error.to_string()))?;
            matter.file = Some(file.clone());
            file
        };
        self.send(matter, &file)?;
        let (porter, known) = (Arc::clone(&self.ground.porter), self.known.clone());
        let since = matter.since;
        let sent = until(self.patience(), async || {
            let said = porter.said();
            let new = |said: &&Said| said.at >= since && said.door == DoorName::Submit;
            said.iter()
                .filter(new)
                .filter_map(|said| said.incident)
                .find(|incident| !known.contains(incident))
        });
        let incident = sent.await.ok_or_else(|| {
            Verdict::Failed(format!(
                "no report was submitted within {} s{}",
                self.patience().as_secs(),
                self.about(matter)
            ))
        })?;
        self.known.push(incident);
        matter.incident = Some(incident);
        Ok(())
    }

    /// Has its people send a file.
    pub(crate) fn send(&self, matter: &mut Matter, file: &std::path::Path) -> So<()> {
        let Some(action) = &self.paper.actions.send else {
            return Err(Verdict::NotShown(
                "say --do send='COMMAND {file}', so that a report is sent".to_owned(),
            ));
        };
        let command = self.ground.places.and("file", text(file)).fill(action);
        matter.people_at_it = Some(at_it(command));
        Ok(())
    }

    /// Has its people do their part, if they have one: a school's contact opens the signal and confirms it.
    pub(crate) fn prompt(&self, matter: &mut Matter) {
        let (Some(action), Some(Task::Read { signal, .. })) = (&self.paper.actions.receive, &matter.task)
        else {
            return;
        };
        let command = self.ground.places.and("signal", signal.to_string()).fill(action);
        matter.people_at_it = Some(at_it(command));
    }

    /// Its people stop.
    pub(crate) fn leave(matter: &mut Matter) {
        matter.people_at_it = None;
    }

    /// Waits until the adapter did its part: its command is recorded, and its task acknowledged.
    pub(crate) async fn settled(&self, matter: &Matter) -> So<()> {
        let porter = Arc::clone(&self.ground.porter);
        let Some(incident) = matter.incident else { return Err(trouble("nothing was raised")) };
        let task = matter.task.as_ref().map(Task::id);
        // Somebody may have to start it first.
        until(self.patience(), async || (!porter.said().is_empty()).then_some(())).await;
        let done = until(self.paper.patience, async || {
            // Who hears at the door for payloads that it ended has nothing left to say.
            let doors = [DoorName::Submit, DoorName::Fetch];
            let over = doors.iter().any(|door| porter.said_of(incident, *door).iter().any(Said::is_over));
            let laid = porter.laid();
            let let_go = |id: &String| laid.get(id).is_some_and(|laid: &Laid| laid.acknowledged.is_some());
            (over && task.as_ref().is_none_or(let_go)).then_some(())
        });
        if done.await.is_none() {
            let within = self.paper.patience.as_secs();
            return Err(Verdict::Failed(format!("it was not done within {within} s{}", self.about(matter))));
        }
        Ok(())
    }

    /// Waits until everybody else did theirs too, and the incident ended.
    pub(crate) async fn ended(&self, matter: &Matter) -> So<()> {
        let Some(incident) = matter.incident else { return Err(trouble("nothing was raised")) };
        let ended = until(REST_WITHIN, async || {
            let told = match &self.ground.police {
                Some(police) => Some(police.ask(&Ask::Reports { incidents: vec![incident] }).await),
                None => self.ground.porter.back().ask(&Ask::Reports { incidents: vec![incident] }).await.ok(),
            };
            let over = matches!(told, Some(Told::Reports { reports }) if reports == [Progress::Unknown]);
            let unread = self.arrivals(matter).into_iter().find(|one| one.trouble.is_some());
            (over || unread.is_some()).then_some(unread)
        });
        match ended.await {
            Some(None) => Ok(()),
            Some(Some(unread)) => Err(Verdict::Failed(format!(
                "what it sealed does not open for {}: {}",
                unread.by,
                unread.trouble.unwrap_or_default()
            ))),
            None => Err(Verdict::Failed(format!(
                "the signal did not end within {} s although everybody else did their part{}",
                REST_WITHIN.as_secs(),
                self.about(matter)
            ))),
        }
    }

    /// What the rest of the world received of a matter.
    pub(crate) fn arrivals(&self, matter: &Matter) -> Vec<Arrival> {
        matter.incident.map(|incident| self.ground.diary.arrivals(incident)).unwrap_or_default()
    }

    /// What the adapter said of a matter at a door.
    pub(crate) fn said(&self, matter: &Matter, door: DoorName) -> Vec<Said> {
        matter.incident.map(|incident| self.ground.porter.said_of(incident, door)).unwrap_or_default()
    }

    /// The commands by which it decided a matter, as often as it said them.
    pub(crate) fn decisions(&self, matter: &Matter) -> Vec<Said> {
        let deciding = self.deciding();
        let mut said = self.said(matter, DoorName::Submit);
        said.retain(|said| deciding.contains(&said.what.as_str()));
        said
    }

    /// What it said of a matter at the door for commands, from its first decision on.
    pub(crate) fn since_its_decision(&self, matter: &Matter) -> Vec<Said> {
        let deciding = self.deciding();
        let said = self.said(matter, DoorName::Submit).into_iter();
        said.skip_while(|said| !deciding.contains(&said.what.as_str())).collect()
    }

    /// How long the adapter may take; longer as long as somebody may have to start it.
    pub(crate) fn patience(&self) -> Duration {
        let came = self.ground.porter.subject.is_ours() || !self.ground.porter.said().is_empty();
        if came { self.paper.patience } else { COMES_WITHIN }
    }

    /// What is known of a matter that did not go well.
    pub(crate) fn about(&self, matter: &Matter) -> String {
        let mut words = String::new();
        if let Some(how) = self.ground.porter.subject.ended() {
            let _ = write!(words, "; the adapter ended by itself ({how}), and its output is in logs/");
        }
        let said = |door| self.said(matter, door).pop();
        let last = said(DoorName::Submit).or_else(|| said(DoorName::Fetch));
        match last {
            Some(said) => {
                let told = said.told.unwrap_or_else(|| "nothing".to_owned());
                let _ =
                    write!(words, "; the last that it said of it was {}, and it was told {told}", said.what);
            }
            None => words.push_str("; it said nothing of it"),
        }
        let lies = |laid: &Laid| matter.task.as_ref() == Some(&laid.task) && laid.acknowledged.is_none();
        if self.ground.porter.laid().values().any(lies) {
            words.push_str("; its task is not acknowledged");
        }
        if let Some(at_it) = &matter.people_at_it {
            let said = at_it.said.lock().unwrap_or_else(PoisonError::into_inner);
            if !said.is_empty() {
                let _ = write!(words, "; the command of its people ended with {said}");
            }
        }
        words
    }

    /// A matter from beginning to end, while this is done to it; everything planned must have come. Gives the matter.
    pub(crate) async fn through(
        &mut self,
        twists: &[(DoorName, &'static [&'static str], Twist, u32)],
    ) -> So<Matter> {
        let mut matter = self.matter();
        for (door, what, twist, times) in twists {
            self.plan(&matter, *door, what, (twist.clone(), *times));
        }
        self.raise(&mut matter).await?;
        self.prompt(&mut matter);
        self.settled(&matter).await?;
        self.comes_out(&matter).await?;
        if self.ground.porter.planned() > 0 {
            let why =
                "the moment that this case waits for never came: it did not ask for what it was to be given";
            return Err(Verdict::NotShown(why.to_owned()));
        }
        Ok(matter)
    }

    /// It ends, and the one whom it is for received what it is.
    pub(crate) async fn comes_out(&self, matter: &Matter) -> So<()> {
        self.ended(matter).await?;
        let receiver = match self.role() {
            Role::Police => Role::VeiligThuis,
            Role::VeiligThuis => Role::Municipality,
            Role::Municipality => Role::School,
            Role::School => {
                let recorded = |said: &Said| said.came.as_deref() == Some("recorded");
                if self.decisions(matter).iter().any(recorded) {
                    return Ok(());
                }
                return Err(Verdict::Failed("it ended, and nobody had confirmed it".to_owned()));
            }
        };
        let arrived: Vec<_> =
            self.arrivals(matter).into_iter().filter(|one| one.by.role() == receiver).collect();
        let Some(first) = arrived.first() else {
            return Err(Verdict::Failed(format!("it ended, and nothing came to the {}", receiver.as_str())));
        };
        if arrived.iter().any(|one| one.children != [Some(matter.child)]) {
            return Err(Verdict::Failed(format!(
                "what {} opened is not about the child of the report",
                first.by
            )));
        }
        if receiver == Role::School
            && Some(&first.by) != self.ground.diary.school_of(Some(matter.child)).as_ref()
        {
            return Err(Verdict::Failed(format!(
                "the letter went to {}, where the child is no pupil",
                first.by
            )));
        }
        Ok(())
    }

    /// Has a matter's task come again.
    pub(crate) async fn redeliver(&self, matter: &Matter) -> So<()> {
        match &matter.task {
            Some(task) => {
                self.ground.porter.redeliver(task).await.map_err(|error| trouble(&error.to_string()))
            }
            None => Ok(()),
        }
    }

    /// Starts the adapter again after it was killed.
    pub(crate) async fn start_again(&self) -> So<()> {
        tokio::time::sleep(LOOK_EVERY * 6).await;
        self.ground.porter.subject.start().map_err(|error| trouble(&error.to_string()))
    }

    /// Whether its task still lies before the adapter.
    pub(crate) async fn lies(&self, matter: &Matter) -> So<bool> {
        let Some(task) = &matter.task else { return Ok(false) };
        self.ground.porter.lies(&task.id()).await.map_err(|error| trouble(&error.to_string()))
    }

    /// The signal of a matter's task.
    pub(crate) const fn signal(matter: &Matter) -> Option<SignalId> {
        match &matter.task {
            Some(Task::Route { signal, .. } | Task::Read { signal, .. } | Task::Notice { signal, .. }) => {
                Some(*signal)
            }
            Some(Task::Screen { .. } | Task::LookUp { .. }) | None => None,
        }
    }
}

fn at_it(command: String) -> AtIt {
    let said = Arc::new(Mutex::new(String::new()));
    AtIt { work: tokio::spawn(until_it_works(command, Arc::clone(&said))), said }
}

/// The exam itself did not come so far.
pub(crate) fn trouble(why: &str) -> Verdict {
    Verdict::NotShown(format!("the exam's own region did not bring it so far: {why}"))
}

/// Looks again and again until there is something, for so long.
pub(crate) async fn until<T>(patience: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + patience;
    loop {
        if let Some(found) = look().await {
            return Some(found);
        }
        if Instant::now() >= end {
            return None;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
