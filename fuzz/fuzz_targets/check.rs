//! The check of a model: any bytes may be refused, none may panic, and what is said about them can be shown.
#![no_main]

use lagsim::scenario::{Override, Source, check};
use libfuzzer_sys::fuzz_target;

// The text up to a line `=====` is the model; each line after it is an override; files read as the model's own text.
fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (model, overrides) = text.split_once("\n=====\n").unwrap_or((text, ""));
    let source = Source {
        name: "fuzz.toml".to_owned(),
        stem: "fuzz".to_owned(),
        text: model.to_owned(),
    };
    let overrides: Vec<Override> = overrides
        .lines()
        .map(|line| Override {
            text: line.to_owned(),
        })
        .collect();
    let answer = check(&source, &overrides, &|path| {
        if path.is_empty() {
            Err("no name".to_owned())
        } else {
            Ok(model.to_owned())
        }
    });
    if let Err(found) = answer {
        assert!(!found.is_empty());
        assert!(!found.render(true).is_empty());
    }
});
