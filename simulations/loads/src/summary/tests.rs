use super::{counting::quantiles, *};
use crate::testing::example;

#[test]
fn outcomes_add_up_to_all_signals_and_shares_to_the_whole() {
    let summary = example();
    let signals: u32 = summary.outcomes.iter().map(|line| line.signals).sum();
    assert_eq!(signals + summary.open, summary.signals);
    let shares: i64 = summary.outcomes.iter().map(|line| i64::from(line.share)).sum();
    assert!((999_990..=1_000_010).contains(&shares), "{shares}");
    let of_time: u32 = summary.legs.iter().map(|leg| leg.share_of_time).sum();
    assert!((999_990..=1_000_000).contains(&of_time), "{of_time}");
}

#[test]
fn what_is_delivered_is_within_72_hours_or_later_and_held_for_some_time() {
    let summary = example();
    let delivered = &summary.delivered;
    assert!(delivered.within_24_h.signals <= delivered.within_48_h.signals);
    assert_eq!(delivered.within_72_h.signals + delivered.later.signals, delivered.all.signals);
    assert!(delivered.within_hours.windows(2).all(|two| two[0].signals <= two[1].signals));
    let held: u32 = summary.held.lengths.iter().map(|line| line.signals).sum();
    assert_eq!(held, delivered.all.signals);
    assert_eq!(summary.deliveries_by_half_hour.iter().sum::<u32>(), delivered.all.signals);
}

#[test]
fn arrivals_add_up_by_day_and_by_hour() {
    let summary = example();
    let arrivals = &summary.arrivals;
    for sum in [
        arrivals.incidents_by_weekday.iter().sum::<u32>(),
        arrivals.reports_by_weekday.iter().sum(),
        arrivals.incidents_by_hour.iter().sum(),
        arrivals.reports_by_hour.iter().sum(),
    ] {
        assert_eq!(sum, summary.reports.sent);
    }
}

#[test]
fn quantiles_are_nearest_ranks() {
    let found = quantiles((1..=200).rev().collect());
    assert_eq!((found.p10_s, found.p50_s, found.p90_s, found.p99_s), (20, 100, 180, 198));
    assert_eq!((found.longest_s, found.mean_s), (200, 100));
    assert_eq!(
        quantiles(vec![7]),
        Quantiles { signals: 1, p10_s: 7, p50_s: 7, p90_s: 7, p99_s: 7, longest_s: 7, mean_s: 7 }
    );
    assert_eq!(quantiles(Vec::new()), Quantiles::default());
}
