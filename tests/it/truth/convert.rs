//! The rule by which a recording's scenario becomes a model. Nothing in it looks at what was measured.

use std::fmt::Write;

use serde_json::Value;

/// The model of a scenario. What it does not say is as lagsim has it by default.
///
/// # Panics
/// The scenario says something that the rule does not know.
pub fn model(scenario: &Value) -> String {
    let client = text(&scenario["client"]);
    let mut model = String::new();
    let mut line = |line: String| writeln!(model, "{line}").unwrap();
    for sentence in wrapped(text(&scenario["description"])) {
        line(format!("# {sentence}"));
    }
    line(format!(
        "title = \"{}, {client}\"",
        text(&scenario["name"]).replace('_', " ")
    ));
    line(format!(
        "horizon = \"{}\"",
        seconds(&scenario["duration_s"])
    ));
    line("sample = \"250ms\"\n".to_owned());
    line("[topic]".to_owned());
    line("name = \"truth\"".to_owned());
    let partitions = scenario["partitions"].as_u64().expect("a number");
    let empty = vec!["{ log-end = 0 }"; partitions as usize].join(", ");
    line(format!("start = [{empty}]  # nothing was ever committed\n"));
    line(production(&scenario["producer"]));
    line(
        "[cluster]                       # one node of Kafka 3.8, on the machine of the clients"
            .to_owned(),
    );
    line("brokers = 1".to_owned());
    // What commits took, as the clients saw it, in all recordings together: 3.6 ms in the mean, 0.5 ms at best.
    line("round-trip = \"500us\"".to_owned());
    line("commit-latency = { lognormal = { mean = \"3.1ms\", p99 = \"31ms\" } }".to_owned());
    line("properties = { group.coordinator.new.enable = false }\n".to_owned());
    line("[group]".to_owned());
    line("name = \"truth\"".to_owned());
    line(format!("client = \"{client}\""));
    line(format!("start-up = {{ csv = \"start-up-{client}.csv\" }}"));
    line("member = [".to_owned());
    for member in list(&scenario["members"]) {
        let (name, run) = (text(&member["name"]), &member["runs"][0]);
        line(format!(
            "    {{ name = \"{name}\", client-id = \"{name}\", start = \"{}\" }},",
            seconds(&run["start_s"])
        ));
    }
    line("]\n\n[group.properties]\nauto.offset.reset = \"earliest\"".to_owned());
    for (name, value) in scenario["props"].as_object().expect("properties") {
        line(format!("{name} = {value}"));
    }
    line(processing(scenario));
    line(dependency(&scenario["downstream"]));
    line(poison(&scenario["poison"]));
    for action in timeline(&scenario["members"]) {
        line(action);
    }
    while model.contains("\n\n\n") {
        model = model.replace("\n\n\n", "\n\n");
    }
    format!("{}\n", model.trim_end())
}

/// From when a record was due until the broker showed it in the log-end offset, in all recordings together: half of them
/// within 3 to 4 ms, none within 1 ms [s].
const TO_THE_LOG: f64 = 0.003;

fn production(producer: &Value) -> String {
    let phases = list(&producer["phases"]);
    let mut steps: Vec<(f64, f64)> = vec![(0.0, 0.0)];
    for phase in phases {
        let in_the_log = |key: &str| number(&phase[key]) + TO_THE_LOG;
        let (from, to) = (in_the_log("from_s"), in_the_log("to_s"));
        steps.retain(|(at, _)| *at != from);
        steps.push((from, number(&phase["rate"])));
        steps.push((to, 0.0));
    }
    let steps: Vec<String> = steps
        .iter()
        .map(|(at, rate)| format!("    {{ at = \"{at}s\", rate = \"{rate}/s\" }},\n"))
        .collect();
    let arrivals = text(&phases[0]["arrivals"]);
    assert!(phases.iter().all(|phase| phase["arrivals"] == arrivals));
    let keys = match producer["weights"].as_array() {
        None => String::new(),
        Some(weights) => {
            let weights: Vec<String> = weights.iter().map(Value::to_string).collect();
            format!("keys = {{ weights = [{}] }}\n", weights.join(", "))
        }
    };
    format!(
        "[produce]\nrate = {{ steps = [\n{}] }}\narrivals = \"{arrivals}\"\n{keys}",
        steps.concat()
    )
}

fn processing(scenario: &Value) -> String {
    let service = &scenario["service"];
    let ms = |key: &str| format!("\"{}ms\"", number(&service[key]));
    let time = match text(&service["law"]) {
        "const" | "constant" => ms("ms"),
        "exp" | "exponential" => format!("{{ exponential = {} }}", ms("ms")),
        other => panic!("no rule for the law `{other}`"),
    };
    let commit = match text(&scenario["commit"]) {
        "batch" => "commit = \"after-batch\"\ncommit-on-revoke = true",
        "record" => "commit = \"per-record\"\ncommit-on-revoke = true",
        "auto" => "commit = \"auto\"",
        other => panic!("no rule for the commit `{other}`"),
    };
    format!("\n[processing]\ntime = {time}\n{commit}\n")
}

fn dependency(downstream: &Value) -> String {
    if downstream.is_null() {
        return String::new();
    }
    format!(
        "[downstream.shared]\nrate-limit = \"{}/s\"\nburst = {}\nlatency = \"{}ms\"\n",
        downstream["rate"], downstream["burst"], downstream["latency_ms"]
    )
}

fn poison(poison: &Value) -> String {
    if poison.is_null() {
        return String::new();
    }
    let on_error = match (text(&poison["policy"]), poison["how"].as_str()) {
        ("block", Some("seek")) => format!(
            "{{ retry-forever = {{ by = \"seek\", back-off = \"{}ms\" }} }}",
            poison["backoff_ms"]
        ),
        ("skip", _) => "\"skip\"".to_owned(),
        ("dlq", _) => "\"dead-letter\"".to_owned(),
        other => panic!("no rule for the policy {other:?}"),
    };
    let records = list(&poison["records"]).iter().map(|record| {
        format!(
            "[[poison]]\npartition = {}\noffset = {}\non-error = {on_error}\n\n",
            record["partition"], record["offset"]
        )
    });
    records.collect()
}

/// What happens to members: ends of runs, with the next run as a restart.
fn timeline(members: &Value) -> Vec<String> {
    let mut actions: Vec<(f64, String)> = Vec::new();
    for member in list(members) {
        let name = text(&member["name"]);
        let runs = list(&member["runs"]);
        for (place, run) in runs.iter().enumerate() {
            let Some(end) = run["end_s"].as_f64() else {
                continue;
            };
            let gap = runs
                .get(place + 1)
                .map(|next| number(&next["start_s"]) - end);
            let action = match (text(&run["end"]), gap) {
                ("crash", None) => format!("crash = {{ members = [\"{name}\"] }}"),
                ("crash", Some(gap)) => {
                    format!("crash = {{ members = [\"{name}\"], restart-after = \"{gap}s\" }}")
                }
                ("leave", Some(gap)) => {
                    format!("restart = {{ members = [\"{name}\"], gap = \"{gap}s\" }}")
                }
                other => panic!("no rule for the end {other:?}"),
            };
            actions.push((end, format!("[[at]]\ntime = \"{end}s\"\n{action}\n")));
        }
    }
    actions.sort_by(|a, b| a.0.total_cmp(&b.0));
    actions.into_iter().map(|(_, action)| action).collect()
}

/// Lines of at most a hundred characters.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().unwrap();
        if last.len() + word.len() > 100 {
            lines.push(word.to_owned());
        } else {
            *last = format!("{last} {word}").trim().to_owned();
        }
    }
    lines
}

fn seconds(value: &Value) -> String {
    format!("{}s", number(value))
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is a number"))
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is a text"))
}

fn list(value: &Value) -> &[Value] {
    value
        .as_array()
        .unwrap_or_else(|| panic!("{value} is a list"))
}
