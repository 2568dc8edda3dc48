//! JSON: what Prometheus answers to a query (`/api/v1/query`, `/api/v1/query_range`), and the metadata of `kcat -L -J`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Page, Quantity, Series, metric};

/// Either document; which one, its keys say.
#[derive(Deserialize)]
struct Document<'a> {
    status: Option<Cow<'a, str>>,
    error: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<Data<'a>>,
    #[serde(borrow)]
    topics: Option<Vec<Topic<'a>>>,
    brokers: Option<Vec<serde::de::IgnoredAny>>,
}

/// Prometheus' `data`.
#[derive(Deserialize)]
struct Data<'a> {
    #[serde(rename = "resultType")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    result: Vec<&'a RawValue>,
}

/// A series of a matrix (`values`) or a vector (`value`).
#[derive(Deserialize)]
struct Answered<'a> {
    #[serde(borrow)]
    metric: BTreeMap<Cow<'a, str>, Cow<'a, str>>,
    #[serde(default, borrow)]
    values: Vec<(f64, &'a str)>,
    #[serde(borrow)]
    value: Option<(f64, &'a str)>,
}

/// A topic of kcat.
#[derive(Deserialize)]
struct Topic<'a> {
    topic: Cow<'a, str>,
    partitions: Vec<serde::de::IgnoredAny>,
}

pub(super) fn read(page: &mut Page) {
    let document: Document = match serde_json::from_str(page.text) {
        Ok(document) => document,
        Err(fault) => return wrong_json(page, &(0..page.text.len()), &fault),
    };
    let start = page.text.find('{').unwrap_or(0);
    let whole = start..start + 1;
    if let Some(topics) = document.topics {
        metadata(
            page,
            topics,
            document.brokers.map_or(0, |brokers| brokers.len()),
        );
    } else if let Some(error) = document.error {
        let message = format!("the query failed: {error}");
        page.error(
            whole,
            message,
            "query again, and give an answer with status success",
        );
    } else if let Some(data) = document.data {
        match &*data.kind {
            "matrix" | "vector" => answer(page, &data.result),
            other => {
                let message = format!("the answer is a {other}");
                let help =
                    "query a metric, as in /api/v1/query_range?query=kafka_consumergroup_lag";
                page.error(whole, message, help);
            }
        }
    } else {
        let message = match document.status {
            Some(_) => "the answer has no data",
            None => "this JSON is neither Prometheus' answer to a query nor kcat's metadata",
        };
        let help = "give what /api/v1/query_range answers, or what kcat -L -J prints";
        page.error(whole, message, help);
    }
}

fn metadata(page: &mut Page, topics: Vec<Topic>, brokers: usize) {
    for topic in topics {
        page.series.push(Series {
            quantity: Quantity::Partitions,
            topic: Some(topic.topic.into_owned()),
            group: None,
            partition: None,
            points: vec![(None, Some(topic.partitions.len() as f64))],
        });
    }
    page.series.push(Series {
        quantity: Quantity::Brokers,
        topic: None,
        group: None,
        partition: None,
        points: vec![(None, Some(brokers as f64))],
    });
}

fn answer(page: &mut Page, result: &[&RawValue]) {
    for raw in result {
        let raw = raw.get();
        let place = place_in(page.text, raw);
        if page.is_hopeless(&first_line(page.text, &place)) {
            return;
        }
        match serde_json::from_str::<Answered>(raw) {
            Ok(answered) => series(page, &first_line(page.text, &place), answered),
            Err(fault) => wrong_json(page, &place, &fault),
        }
    }
}

fn series(page: &mut Page, place: &Range<usize>, answered: Answered) {
    let Some(name) = answered.metric.get("__name__") else {
        let message = "a series without a name: the query computes something";
        let help = format!("query a metric itself: {}", metric::EXAMPLES);
        return page.error(place.clone(), message, help);
    };
    let label = |key: &str| answered.metric.get(key).map(|value| &**value);
    let mut series = match metric::series(name, &label) {
        Ok(Some(series)) => series,
        Ok(None) => {
            let message = format!("the metric {name} tells no offset and no lag of a partition");
            let help = format!("query {}", metric::EXAMPLES);
            return page.error(place.clone(), message, help);
        }
        Err(message) => {
            let help = "query the metric without sum and without relabelling";
            return page.error(place.clone(), message, help);
        }
    };
    let one_instant = answered.value.is_some();
    let samples = answered.values.into_iter().chain(answered.value);
    for (at, text) in samples {
        match metric::value(series.quantity, text) {
            Ok(value) => series.points.push(((!one_instant).then_some(at), value)),
            Err(message) => {
                let place = place_in(page.text, text);
                if page.is_hopeless(&place) {
                    return;
                }
                page.error(place, message, "give the answer as Prometheus sends it");
            }
        }
    }
    page.series.push(series);
}

/// Tells where in the text `place` something is no JSON, or not the JSON it should be.
fn wrong_json(page: &mut Page, place: &Range<usize>, fault: &serde_json::Error) {
    let text = &page.text[place.clone()];
    let before = text
        .split_inclusive('\n')
        .take(fault.line().saturating_sub(1));
    let line = place.start + before.map(str::len).sum::<usize>();
    let at = (line + fault.column().saturating_sub(1)).min(page.text.len());
    let told = fault.to_string();
    let message = told.split(" at line ").next().unwrap_or(&told);
    let message = message.replace("a borrowed string", "a string");
    let end = (at + 1).min(page.text.len());
    page.error(
        at..end,
        format!("this is not the JSON it should be: {message}"),
        "give the whole answer, as Prometheus or kcat sends it",
    );
}

/// Where a part of `text` stands in it.
fn place_in(text: &str, part: &str) -> Range<usize> {
    let at = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    at..at + part.len()
}

/// The part of a place that stands on its first line, of a width that a terminal shows.
fn first_line(text: &str, place: &Range<usize>) -> Range<usize> {
    let line = text[place.clone()].lines().next().unwrap_or("");
    let end = line.char_indices().nth(60).map_or(line.len(), |(at, _)| at);
    place.start..place.start + end
}
