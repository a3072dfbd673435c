use hwc_world::*;
fn main() {
    let mut args = std::env::args().skip(1);
    let from: u64 = args.next().unwrap().parse().unwrap();
    let count: u64 = args.next().unwrap().parse().unwrap();
    let mutation = args.next().and_then(|m| Mutation::named(&m));
    let started = std::time::Instant::now();
    if count == 1 {
        let mut said = 0;
        let v = Case { mutation, ..Case::of(from) }
            .tell(&mut |e, v| {
                println!("{} {:?}", e.at, e.what);
                if v.len() > said {
                    said = v.len();
                    println!("!!!!!! {:?}", v.last())
                }
            })
            .unwrap();
        println!("{:?}", v.violations);
        return;
    }
    let found = Hunt { first: from, count, mutation, failures_max: 10_000 }.run(|_| {}).unwrap();
    let mut by = std::collections::BTreeMap::<&str, Vec<_>>::new();
    for (seed, f) in &found.failures {
        by.entry(f.violations[0].checker).or_default().push((seed, &f.violations[0].what));
    }
    for (c, list) in by {
        println!("{c}: {}", list.len());
        for (s, w) in list.iter().take(6) {
            println!("   {s}: {w}")
        }
    }
    println!(
        "{:?} {} worlds {} steps {} entries",
        started.elapsed(),
        found.worlds,
        found.steps,
        found.entries
    );
}
