//! The page as a whole.

use std::fmt::Write as _;

use serde_json::Value;

use super::{
    draw::Fit,
    figures::{self, Figure},
    format::{self, escaped},
    table::{As, figure},
};
use crate::summary::Summary;

const STYLE: &str = include_str!("style.css");

/// The page: one file. `plan` is the plan's text; `command` what repeats the run.
pub fn page(summary: &Summary, plan: &str, command: &str) -> String {
    let json = serde_json::to_value(summary).unwrap_or_default();
    let says = &summary.plan;
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n<title>{} \u{b7} simulated load</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the figures</a>\n",
        escaped(&says.name)
    );
    header(&mut html, summary, &json);
    html.push_str("<main id=\"main\">\n");
    tiles(&mut html, &json);
    for (place, one) in figures::all(summary).into_iter().enumerate() {
        section(&mut html, place + 1, one, &json);
    }
    plan_section(&mut html, plan, command);
    html.push_str("</main>\n");
    html.push_str(FOOTER);
    html
}

fn header(html: &mut String, summary: &Summary, json: &Value) {
    let says = &summary.plan;
    let _ = write!(
        html,
        "<header>\n<p class=\"kind\">Handle with Care \u{b7} simulated load</p>\n<h1>{}</h1>\n",
        escaped(&says.name)
    );
    if !says.question.is_empty() {
        let _ = writeln!(html, "<p class=\"question\">{}</p>", escaped(&says.question));
    }
    let count = |path: &str| figure(json, path, As::Count);
    let from = format::day(&says.from).unwrap_or_else(|| says.from.clone());
    let _ = write!(
        html,
        "<dl class=\"facts\">\n<div><dt>Period</dt><dd>{} {} from {}</dd></div>\n<div><dt>Region</dt><dd>{}: {}{} schools of which {} receive</dd></div>\n<div><dt>Reports</dt><dd>{}, about {} signals</dd></div>\n<div><dt>Seed</dt><dd>{}</dd></div>\n</dl>\n",
        figure(json, "/plan/days", As::Count),
        if says.days == 1 { "day" } else { "days" },
        escaped(&from),
        escaped(&summary.region.name),
        summary
            .region
            .children
            .map(|_| format!("{} children, ", count("/region/children")))
            .unwrap_or_default(),
        count("/region/schools"),
        count("/region/receiving_schools"),
        count("/reports/sent"),
        count("/signals"),
        figure(json, "/plan/seed", As::Text),
    );
    html.push_str(
        "<p class=\"invented\"><strong>Everything here is invented.</strong> Nobody on this page exists: the families, the incidents and the schools were drawn by chance, and the real program was run on them in virtual time. Small numbers are therefore shown as they are; what is published of a real region shows none below five.</p>\n</header>\n",
    );
}

fn tiles(html: &mut String, json: &Value) {
    let tiles = [
        (
            "before the first lessons after the incident",
            figure(json, "/delivered/before_first_lesson/share", As::Share),
            "of delivered signals",
        ),
        ("within 24 hours", figure(json, "/delivered/within_24_h/share", As::Share), "of delivered signals"),
        (
            "from incident to delivery",
            figure(json, "/incident_to_delivery/p50_s", As::Length),
            "for half of them, or less",
        ),
        ("delivered", figure(json, "/delivered/all/share", As::Share), "of all signals"),
    ];
    html.push_str("<section aria-label=\"In short\">\n<ul class=\"tiles\">\n");
    for (name, value, of) in tiles {
        let _ = writeln!(
            html,
            "<li><span class=\"big\">{value}</span><span class=\"what\">{}</span><span class=\"of\">{}</span></li>",
            escaped(name),
            escaped(of)
        );
    }
    html.push_str("</ul>\n</section>\n");
}

fn section(html: &mut String, number: usize, one: Figure, json: &Value) {
    let Figure { id, heading, says, pictures, tables, below } = one;
    let _ = write!(
        html,
        "<section id=\"{id}\" aria-labelledby=\"{id}-h\">\n<h2 id=\"{id}-h\"><span class=\"number\">{number}</span> {}</h2>\n<p>{}</p>\n<div class=\"{}\">\n<div class=\"pictures\">\n",
        escaped(heading),
        escaped(&says),
        if below { "below" } else { "beside" }
    );
    for picture in pictures {
        html.push_str("<figure>\n");
        for (svg, fit) in picture.drawn.into_iter().zip(Fit::ALL) {
            html.push_str(&svg.finish(picture.id, fit, picture.title, &says));
        }
        html.push_str("</figure>\n");
    }
    html.push_str("</div>\n<div class=\"tables\">\n");
    for table in tables {
        html.push_str(&table.html(json));
    }
    html.push_str("</div>\n</div>\n</section>\n");
}

fn plan_section(html: &mut String, plan: &str, command: &str) {
    let _ = write!(
        html,
        "<section id=\"plan\" aria-labelledby=\"plan-h\">\n<h2 id=\"plan-h\">The plan</h2>\n<p>This gives the same files again, byte for byte:</p>\n<pre tabindex=\"0\" aria-label=\"Command\"><code>{}</code></pre>\n<details open>\n<summary>The plan's text</summary>\n<pre tabindex=\"0\" aria-label=\"The plan's text\"><code>{}</code></pre>\n</details>\n</section>\n",
        escaped(command),
        escaped(plan.trim_end())
    );
}

const FOOTER: &str = "<footer>\n<h2>How it is counted</h2>\n<dl>\n<div><dt>Signal</dt><dd>One child of one incident. Children who are too young, too old or only visiting are signals too, and are screened out.</dd></div>\n<div><dt>Before the first lessons</dt><dd>Delivered before lessons begin on the school's first school day after the incident (R17).</dd></div>\n<div><dt>Within 24, 48, 72 hours</dt><dd>From the incident to the first delivery. Exactly so many hours is within; a bare date counts from its midnight (R26).</dd></div>\n<div><dt>Half within, 90% within</dt><dd>Nearest rank: so many signals took no longer.</dd></div>\n<div><dt>Queues</dt><dd>The most that lay at a place in each step of time; the average is over the whole run, nights and weekends too.</dd></div>\n</dl>\n<p>The same figures stand in <code>summary.json</code>, each signal in <code>timings.csv</code>, each transition in <code>events.csv</code>.</p>\n</footer>\n</body>\n</html>\n";
