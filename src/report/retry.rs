//! The table of retry topics on a terminal.

use crate::measure::Summary;
use crate::measure::words::{grouped, span};

/// Where records went that were given up for a later time, topic by topic.
pub fn table(summary: &Summary) -> String {
    let topics = &summary.retry_topics;
    let Some(widest) = topics.iter().map(|own| own.topic.chars().count()).max() else {
        return String::new();
    };
    let width = widest.max("Retry topics".len() - 2);
    let row = |name: String, cells: [String; 8]| {
        let [
            delay,
            produced,
            processed,
            failed,
            dead,
            most,
            last,
            through,
        ] = cells;
        format!(
            "{name:<head$} {delay:>8} {produced:>10} {processed:>10} {failed:>12} {dead:>13} {most:>11} {last:>10} {through:>9}\n",
            head = width + 2
        )
    };
    let names = [
        "delay",
        "produced",
        "processed",
        "failed again",
        "dead-lettered",
        "lag at most",
        "at the end",
        "through",
    ];
    let mut text = format!(
        "\n{}",
        row("Retry topics".to_owned(), names.map(str::to_owned))
    );
    for own in topics {
        let cells = [
            span(own.delay_s),
            grouped(own.produced),
            grouped(own.processed),
            grouped(own.retried + own.dead_lettered + own.skipped),
            grouped(own.dead_lettered),
            grouped(own.lag_max),
            grouped(own.lag_final),
            own.through_at_s.map_or("-".to_owned(), span),
        ];
        text.push_str(&row(format!("  {}", own.topic), cells));
    }
    text
}
