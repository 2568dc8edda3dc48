//! The model language: what a file may say, what becomes of it, and what is answered to a file that is wrong.

use lagsim::scenario::{Checked, Diagnostics, Override, Source, check};

const COMPLETE: &str = include_str!("models/complete.toml");

fn no_files(path: &str) -> Result<String, String> {
    Err(format!("no file {path} here"))
}

fn source(text: &str) -> Source {
    Source {
        name: "model.toml".to_owned(),
        stem: "model".to_owned(),
        text: text.to_owned(),
    }
}

fn judged(text: &str, overrides: &[&str]) -> Result<Checked, Diagnostics> {
    let overrides: Vec<Override> = overrides
        .iter()
        .map(|text| Override {
            text: (*text).to_owned(),
        })
        .collect();
    check(&source(text), &overrides, &no_files)
}

#[test]
fn a_model_that_uses_every_key_is_accepted() {
    let checked = judged(COMPLETE, &[]).unwrap_or_else(|found| panic!("{found}"));
    assert_eq!(checked.scenario.settings.len(), 3);
}
