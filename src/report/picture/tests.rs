use super::scene::{Shape, has_glyph, text_width};
use super::*;
use crate::measure::fixture::{alert, flapping, incident, mark, outcome, scenario};
use crate::scenario::{Experiment, Scenario, Source, check_experiment};
use crate::sim::{Fact, PartitionState};

/// A small group that is nearly saturated.
pub const MODEL: &str = r#"
    horizon = "2m"
    topic = { name = "orders", partitions = 4 }
    produce = { rate = "300/s" }
    group = { name = "order-processor", members = 2 }
    processing = { time = "8ms", commit = "after-batch" }
"#;

/// An experiment with its `keys`, about the model that `read` gives.
pub fn asked(keys: &str, read: &dyn Fn(&str) -> Result<String, String>) -> Experiment {
    let source = Source {
        name: "asked.toml".into(),
        stem: "asked".into(),
        text: format!("title = \"what if\"\nmodel = \"model.toml\"\n{keys}\n"),
    };
    check_experiment(&source, &[], read).unwrap_or_else(|why| panic!("{why}"))
}

/// Pictures of very different runs, by name.
pub fn gallery() -> Vec<(&'static str, Scenario, Vec<Outcome>)> {
    let (orders, grown) = incident();
    let mut pictures = vec![("incident", orders, vec![grown])];

    let mut drain = scenario(4, 4, 3_600, 5);
    drain.title = "orders, fixed".into();
    drain.timeline = vec![mark(600, "dead-letter topic, max.poll.records 100")];
    let fall = |partition: usize, second: u64| {
        let left =
            500_000_u64.saturating_sub(second.saturating_sub(600) * (200 + 10 * partition as u64));
        let saw = second % 30 * 5;
        let state = if left > 0 {
            PartitionState::Saturated
        } else {
            PartitionState::KeepingUp
        };
        (left + saw, state)
    };
    let drained = outcome(&drain, &fall, &[(600, Fact::Timeline { entry: 0 })]);
    pictures.push(("drain", drain, vec![drained]));

    pictures.extend(crowds());

    let (scaled, run) = flapping();
    pictures.push(("autoscaler", scaled, vec![run]));

    let single = scenario(1, 1, 60, 1);
    let one = outcome(
        &single,
        &|_, second| (second * 13 % 700, PartitionState::KeepingUp),
        &[],
    );
    pictures.push(("partition-1", single, vec![one]));

    let idle = scenario(3, 3, 600, 1);
    let nothing = outcome(&idle, &|_, _| (0, PartitionState::KeepingUp), &[]);
    pictures.push(("zero", idle, vec![nothing]));

    let (model, run) = fortnight();
    pictures.push(("fortnight", model, vec![run]));

    let spread = scenario(4, 4, 3_600, 10);
    let runs = (0..20)
        .map(|replication| {
            let curve = move |partition: usize, second: u64| {
                let noise = (second / 10 * 37 + replication * 101 + partition as u64 * 13) % 97;
                (
                    second * (80 + replication) / 10 + noise * 20,
                    PartitionState::Saturated,
                )
            };
            outcome(&spread, &curve, &[])
        })
        .collect();
    pictures.push(("replications", spread, runs));
    pictures
}

/// Many partitions, apart and close to one another.
fn crowds() -> Vec<(&'static str, Scenario, Vec<Outcome>)> {
    let many = scenario(24, 6, 7_200, 10);
    let spread = |partition: usize, second: u64| {
        let lag = if partition % 7 == 3 {
            second * partition as u64
        } else {
            300 + second % 100
        };
        (
            lag,
            if lag > 500 {
                PartitionState::Saturated
            } else {
                PartitionState::KeepingUp
            },
        )
    };
    let uneven = outcome(&many, &spread, &[]);

    let mut twelve = scenario(12, 6, 7_200, 10);
    twelve.title = "a dozen partitions that end close to one another".into();
    let close = |partition: usize, second: u64| {
        (
            second * 2 + partition as u64 * 40,
            PartitionState::Throttled,
        )
    };
    let dozen = outcome(&twelve, &close, &[]);
    vec![
        ("partitions-24", many, vec![uneven]),
        ("partitions-12", twelve, vec![dozen]),
    ]
}

/// Two weeks with a daily peak and a daily deploy.
fn fortnight() -> (Scenario, Outcome) {
    let day = 86_400;
    let mut model = scenario(3, 2, 14 * day, 300);
    model.title = "reconciliation: 45 minutes late, over two weeks".into();
    model.alerts = vec![alert("lag-warning", "warning", 1_000.0, 5)];
    model.timeline = (0..14).map(|n| mark(n * day + 36_000, "deploy")).collect();
    let facts: Vec<_> = (0..14)
        .map(|n| (n * day + 36_000, Fact::Timeline { entry: n as usize }))
        .collect();
    let curve = |partition: usize, second: u64| {
        let hour = (second % day) as f64 / 3_600.0;
        let height = 900.0 * (1 + second / day) as f64 * (1.0 + partition as f64 / 3.0);
        let lag = (height * (1.0 - (hour - 14.0).abs() / 5.0).max(0.0)) as u64;
        (
            lag,
            if lag > 500 {
                PartitionState::Throttled
            } else {
                PartitionState::KeepingUp
            },
        )
    };
    let run = outcome(&model, &curve, &facts);
    (model, run)
}

/// Left, upper, right and lower end of every text.
fn boxes(scene: &Scene) -> Vec<(String, [f64; 4])> {
    scene
        .shapes
        .iter()
        .filter_map(|shape| {
            let Shape::Text {
                at,
                anchor,
                size,
                text,
                ..
            } = shape
            else {
                return None;
            };
            let width = text_width(text, *size);
            let left = match anchor {
                Anchor::Left => at.0,
                Anchor::Middle => at.0 - width / 2.0,
                Anchor::Right => at.0 - width,
            };
            let half = size * 0.4;
            Some((text.clone(), [left, at.1 - half, left + width, at.1 + half]))
        })
        .collect()
}

/// Every picture, by name.
fn scenes() -> Vec<(&'static str, Scene)> {
    let runs = gallery().into_iter().map(|(name, scenario, outcomes)| {
        let results = Results {
            scenario: &scenario,
            outcomes: &outcomes.iter().collect::<Vec<_>>(),
        };
        (name, compose(&results).unwrap())
    });
    let compared = crate::report::comparison::tests::gallery();
    let compared = compared
        .iter()
        .map(|(name, one)| (*name, comparison::compose(one)));
    runs.chain(compared)
        .chain(sweep::tests::gallery())
        .chain(tornado::tests::gallery())
        .chain(frontier::tests::gallery())
        .collect()
}

#[test]
fn no_text_is_clipped_and_no_two_texts_overlap() {
    for (name, scene) in scenes() {
        let texts = boxes(&scene);
        for (ix, (text, own)) in texts.iter().enumerate() {
            let inside = own[0] >= 4.0 && own[1] >= 4.0 && own[2] <= 1596.0 && own[3] <= 896.0;
            assert!(inside, "{name}: {text:?} is clipped at {own:?}");
            for (other_text, other) in &texts[ix + 1..] {
                let apart = own[2] <= other[0]
                    || other[2] <= own[0]
                    || own[3] <= other[1]
                    || other[3] <= own[1];
                assert!(
                    apart,
                    "{name}: {text:?} {own:?} overlaps {other_text:?} {other:?}"
                );
            }
        }
    }
}

/// The strip of replicas has a corner at each change, at the height of its count.
#[test]
fn the_replicas_are_drawn_as_steps() {
    let (scenario, run) = flapping();
    let outcomes = [run];
    let results = Results {
        scenario: &scenario,
        outcomes: &outcomes.iter().collect::<Vec<_>>(),
    };
    let scene = compose(&results).unwrap();
    let texts = boxes(&scene);
    let (_, name) = texts.iter().find(|(text, _)| text == "replicas").unwrap();
    let lines = scene.shapes.iter().filter_map(|shape| match shape {
        Shape::Line { points, .. } => Some(points),
        _ => None,
    });
    let beside = |points: &&Vec<(f64, f64)>| points.iter().all(|at| (at.1 - name[1]).abs() < 30.0);
    let mut steps = lines.filter(beside).filter(|points| points.len() == 42);
    let steps = steps
        .next()
        .expect("a corner before and after each of 20 changes, and both ends");
    let (full, half) = (steps[0].1, steps[2].1);
    assert!(half > full, "fewer replicas stand lower");
    let upright = |pair: &[(f64, f64)]| pair[0].0 == pair[1].0;
    assert!(steps[1..41].chunks(2).all(upright), "{steps:?}");
}

#[test]
fn every_letter_that_is_drawn_has_a_glyph() {
    for (name, mut scenario, outcomes) in gallery() {
        scenario
            .timeline
            .iter_mut()
            .for_each(|entry| entry.label = "Überlast → 負荷".into());
        let results = Results {
            scenario: &scenario,
            outcomes: &outcomes.iter().collect::<Vec<_>>(),
        };
        for (text, _) in boxes(&compose(&results).unwrap()) {
            assert!(text.chars().all(has_glyph), "{name}: {text:?}");
        }
    }
}

#[test]
fn the_replaced_letters_are_those_the_font_lacks() {
    assert!(has_glyph('Ü') && has_glyph('…') && !has_glyph('→') && !has_glyph('✓'));
}
