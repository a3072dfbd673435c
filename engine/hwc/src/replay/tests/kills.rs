//! Killed anywhere: every party, and the broker, at any message, and the outcomes are those of the undisturbed run.

use super::{
    collector::{Collector, Told},
    wire::Killer,
    *,
};

/// Reports with a sibling, a returned signal, a withheld one and a screened-out one: every kind of step, in few messages.
const REPORTS: usize = 5;

/// Points per party in an ordinary run; all of them when `HWC_KILLS` says `all`.
const POINTS_MAX: u64 = 8;

fn some_reports() -> Dataset {
    let mut dataset = handbook();
    dataset.submissions.truncate(REPORTS);
    dataset
}

/// Does not know one child, until the journal says that its signal was returned.
struct DoesNotKnow {
    hours: SchoolHours,
    returned: Arc<Returned>,
}

impl Contact for DoesNotKnow {
    fn opens_at(&self, arrived: Timestamp) -> Option<Timestamp> {
        self.hours.opens_at(arrived)
    }

    fn read(&self, letter: &Letter) -> Reading {
        let known = letter.child.surname.expose() != "Smit" || self.returned.0.load(Ordering::SeqCst);
        if known { Reading::Received } else { Reading::NotOurPupil }
    }
}

/// Whether a signal was returned.
#[derive(Default)]
struct Returned(AtomicBool);

impl Watcher for Returned {
    fn noted(&self, _: &Diarist, _: IncidentId, events: &[Event]) {
        if events.iter().any(|event| matches!(event.fact, Fact::Returned { .. })) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    fn found(&self, diarist: &Diarist, incident: IncidentId, events: &[Event]) {
        self.noted(diarist, incident, events);
    }
}

/// What a run comes to: a line of the diary for every child, and one for every sum of the counts that stay.
async fn outcomes(killer: &Arc<Killer>) -> Vec<String> {
    outcomes_told(killer, None).await
}

/// The same, told to a collector of traces.
async fn outcomes_told(killer: &Arc<Killer>, collector: Option<String>) -> Vec<String> {
    let ground = Ground::prepare(None).unwrap();
    let mut options = Options::new(None);
    options.collector = collector;
    let returned = Arc::new(Returned::default());
    options.lives = Arc::clone(killer) as Arc<dyn Lives>;
    options.watcher = Some(Arc::clone(&returned) as Arc<dyn Watcher>);
    // A killed adapter's tasks come back after this.
    options.streams.tasks_held_for = Duration::from_secs(1);
    options.answers_within = Duration::from_secs(1);
    options.sweep = Sweep { every: Duration::from_millis(500), orphans_after: Duration::from_millis(500) };
    let (mut stage, script) = Box::pin(Stage::set(some_reports(), &ground, &options)).await.unwrap();
    killer.the_broker_is(stage.brokers.server(0).unwrap().pid());
    let (accounts, key) = (stage.cast.accounts(), stage.cast.engine.clone());
    let contact = |hours| Some(DoesNotKnow { hours, returned: Arc::clone(&returned) });
    enter(&mut stage, script, contact).unwrap();
    let replayed = stage.play().await.unwrap();
    assert!(replayed.summary.is_clean(), "{}", replayed.summary);
    assert_eq!(replayed.summary.count.misdelivered, 0);
    assert!(returned.0.load(Ordering::SeqCst), "nothing was returned");
    let mut lines = Vec::new();
    let invented = replayed.dataset.synthetic.unwrap();
    let zone = replayed.dataset.zone.as_time_zone();
    replayed
        .diarist
        .write(invented, zone, |line| {
            lines.push(serde_json::to_string(line)?);
            Ok::<_, serde_json::Error>(())
        })
        .unwrap();
    for (month, (sent, ended)) in super::counts::left_by(&ground, accounts, &key).await {
        lines.push(format!("{month} {sent:?}"));
        lines.extend(ended.iter().map(|sums| format!("{month} {}", serde_json::to_string(sums).unwrap())));
    }
    lines
}

/// Kills at many messages of some parties, each time in a run of its own, and compares.
async fn killed_anywhere(speaks: impl Fn(&str) -> bool, kill: impl Fn(&str, u64) -> Arc<Killer>) {
    let nobody = Killer::of_nobody();
    let undisturbed = outcomes(&nobody).await;
    assert!(undisturbed.len() >= REPORTS, "{undisturbed:?}");
    let all = std::env::var("HWC_KILLS").is_ok_and(|said| said == "all");
    let (mut runs, mut deaths) = (0_u64, 0);
    for (party, said) in nobody.said().into_iter().filter(|(party, _)| speaks(party)) {
        let every = if all { 1 } else { said.div_ceil(POINTS_MAX).max(1) };
        for at in (1..=said).step_by(usize::try_from(every).unwrap()) {
            let killer = kill(&party, at);
            let came_of_it = outcomes(&killer).await;
            let differ: Vec<_> =
                came_of_it.iter().zip(&undisturbed).filter(|(one, other)| one != other).collect();
            let same = differ.is_empty() && came_of_it.len() == undisturbed.len();
            assert!(same, "killed at message {at} of {said} of {party}: {differ:#?}");
            runs += 1;
            deaths += killer.deaths();
        }
    }
    // The last messages of a life need not come again in another run.
    assert!(deaths * 10 >= runs * 9, "{deaths} deaths in {runs} runs");
    eprintln!("{runs} runs, {deaths} deaths");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_killed_at_any_message_changes_no_outcome() {
    killed_anywhere(|party| party == ENGINE, Killer::of).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_police_s_and_veilig_thuis_s_adapters_killed_at_any_message_change_no_outcome() {
    killed_anywhere(|party| party.starts_with("police") || party.starts_with("veilig"), Killer::of).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_municipality_s_and_a_school_s_adapter_killed_at_any_message_change_no_outcome() {
    killed_anywhere(|party| ["municipality-0855", "school-01AA00"].contains(&party), Killer::of).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_killed_at_any_message_changes_no_outcome() {
    killed_anywhere(|party| [ENGINE, "veilig-thuis-region"].contains(&party), Killer::of_the_broker).await;
}

/// The steps that a collector heard of, by incident: each once, however often it was told.
fn steps(collector: &Collector) -> Vec<Vec<String>> {
    let of_the_engine = |span: &Told| span.service == "hwc-engine" && !span.name.starts_with("request ");
    for span in collector.spans().iter().filter(|span| of_the_engine(span)) {
        assert!(span.start <= span.end && span.parent.is_empty() == (span.name == "incident"), "{span:?}");
        assert!(["incident", "signal"].contains(&span.name.as_str()) || span.said.contains_key("hwc.rules"));
    }
    assert_eq!(collector.resources().len(), 6, "five services, one version");
    assert_eq!(canary::found_in(&collector.bytes(), &NEEDLES), None);
    let mut all: Vec<Vec<String>> = Vec::new();
    for trace in collector.traces().into_values() {
        let mut names: Vec<_> = trace.into_iter().filter(of_the_engine).map(|span| span.name).collect();
        names.sort();
        all.push(names);
    }
    all.sort();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_killed_at_any_message_tells_every_step_of_every_incident_as_the_same_spans() {
    let (nobody, collector) = (Killer::of_nobody(), Collector::start());
    outcomes_told(&nobody, Some(collector.url.clone())).await;
    let undisturbed = steps(&collector);
    assert_eq!(undisturbed.len(), REPORTS);
    let said = nobody.said()[ENGINE];
    let every = usize::try_from(said.div_ceil(POINTS_MAX).max(1)).unwrap();
    let mut again = 0;
    for at in (1..=said).step_by(every) {
        let (killer, collector) = (Killer::of(ENGINE, at), Collector::start());
        outcomes_told(&killer, Some(collector.url.clone())).await;
        assert_eq!(steps(&collector), undisturbed, "killed at message {at} of {said}");
        let once: usize = collector.traces().values().map(Vec::len).sum();
        again += collector.spans().len() - once;
    }
    assert!(again > 0, "no span was told again");
}
