//! An explanation as a page for the terminal: where the partition is, why, how it came to that, what happened to it.

use super::terminal::{Style, wrapped};
use crate::measure::Explanation;
use crate::measure::words::{counted, grouped, percent, signed, span};

/// The page.
pub fn explain(topic: &str, told: &Explanation, style: Style) -> String {
    let mut text = format!("{}\n", style.bold(&headline(topic, told)));
    let until = told.until_s.map_or_else(
        || "to the end of the run".to_owned(),
        |end| format!("until {}", span(end)),
    );
    let state = format!(
        "It is {} since {}, {until}.",
        told.state,
        span(told.since_s)
    );
    text.push_str(&wrapped("", &state, ""));
    for sentence in &told.why {
        text.push_str(&wrapped("  - ", sentence, "    "));
    }
    text.push_str(&parts(told));
    text.push_str(&events(told));
    text
}

fn headline(topic: &str, told: &Explanation) -> String {
    let share = if told.group_lag > 0 && told.lag > 0 {
        let share = told.lag as f64 / told.group_lag as f64;
        format!(" ({} of the group's lag)", percent(share))
    } else {
        String::new()
    };
    let age = told
        .age_s
        .map_or_else(String::new, |age| format!(", the oldest {} old", span(age)));
    let sample = if told.asked_s > told.time_s {
        format!(", the last sample before {}", span(told.asked_s))
    } else {
        String::new()
    };
    format!(
        "{topic}, partition {} at {}{sample}: {} behind{share}{age}.",
        told.partition,
        span(told.time_s),
        counted(told.lag, "record", "records")
    )
}

/// From the lag of when it last kept up to that of now, state by state.
fn parts(told: &Explanation) -> String {
    let then = if told.behind_since_s > 0.0 {
        format!("when it kept up last, at {}", span(told.behind_since_s))
    } else {
        "at the start".to_owned()
    };
    let mut text = "\nHow it came to that\n".to_owned();
    let mut line = |name: &str, stretches: &str, time: &str, records: &str| {
        let row = format!("  {name:<36} {stretches:>9} {time:>10} {records:>12}");
        text.push_str(row.trim_end());
        text.push('\n');
    };
    line("", "stretches", "time", "records");
    line(&then, "", "", &grouped(told.lag_then));
    for part in &told.states {
        line(
            part.state,
            &grouped(part.stretches),
            &span(part.seconds),
            &signed(part.lag_net),
        );
    }
    line("now", "", "", &grouped(told.lag));
    text
}

fn events(told: &Explanation) -> String {
    let Some(first) = told.events.first() else {
        return String::new();
    };
    let earlier = told.event_count - told.events.len() as u64;
    let heading = match earlier {
        0 => "What happened to it".to_owned(),
        _ => format!(
            "What happened to it last ({} before {})",
            counted(earlier, "event", "events"),
            span(first.time_s)
        ),
    };
    let mut text = format!("\n{heading}\n");
    for event in &told.events {
        let when = span(event.time_s);
        let first = format!("  {when:<8} ");
        text.push_str(&wrapped(&first, &event.what, &" ".repeat(first.len())));
    }
    text
}
