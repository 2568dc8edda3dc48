//! Values on the command line: how they are written and what they mean.

use crate::experiment::Shard;
use crate::scenario::Override;
use crate::units::ParseError;

/// A change that makes a variant of a model.
#[derive(Clone, Debug)]
pub struct VariantArg {
    /// The variant's name.
    pub name: String,
    /// The change.
    pub change: Override,
}

/// An axis of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vary {
    /// Paths of the keys that move together.
    pub keys: Vec<String>,
    /// Their values, between commas.
    pub values: String,
}

/// Samples of the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamplesArg {
    /// How they are spread.
    pub method: String,
    /// How many there are.
    pub count: String,
}

/// A quantity, and how it was typed.
#[derive(Clone, Debug)]
pub struct Typed<T> {
    /// As it was typed, so that a saved model says the same.
    pub text: String,
    /// What it means.
    pub value: T,
}

/// A parser that keeps what was typed.
pub fn typed<T>(
    parse: fn(&str) -> Result<T, ParseError>,
) -> impl Fn(&str) -> Result<Typed<T>, ParseError> + Clone {
    move |text| {
        parse(text).map(|value| Typed {
            text: text.trim().to_owned(),
            value,
        })
    }
}

/// A share that is not negative.
pub fn parse_share(text: &str) -> Result<f64, String> {
    let share = text.parse::<f64>().ok();
    share
        .filter(|share| (0.0..=1e6).contains(share))
        .ok_or_else(|| "write a share, as in 0.05 for 5 %".to_owned())
}

/// `path=value` as the model's check takes it.
pub fn parse_override(text: &str) -> Result<Override, String> {
    match text.split_once('=') {
        Some((path, value)) if !path.trim().is_empty() && !value.trim().is_empty() => {
            Ok(Override {
                text: text.to_owned(),
            })
        }
        _ => Err("write a path and a value, as in topic.partitions=12".to_owned()),
    }
}

/// `name: path=value`, or `path=value` alone.
pub fn parse_variant(text: &str) -> Result<VariantArg, String> {
    let before_value = text.split('=').next().unwrap_or(text);
    let (name, change) = match before_value.split_once(':') {
        Some((name, _)) => (name, &text[name.len() + 1..]),
        None => (text, text),
    };
    let (name, change) = (name.trim(), change.trim());
    if name.is_empty() {
        return Err("write a name before the colon, as in 'small: topic.partitions=2'".to_owned());
    }
    Ok(VariantArg {
        name: name.to_owned(),
        change: parse_override(change)?,
    })
}

/// `path=values`, or `path,path=values`.
pub fn parse_vary(text: &str) -> Result<Vary, String> {
    match text.split_once('=') {
        Some((keys, values)) if !keys.trim().is_empty() && !values.trim().is_empty() => Ok(Vary {
            keys: keys.split(',').map(|key| key.trim().to_owned()).collect(),
            values: values.trim().to_owned(),
        }),
        _ => Err("write a path and values, as in topic.partitions=4,8,12".to_owned()),
    }
}

/// `method=count`.
pub fn parse_samples(text: &str) -> Result<SamplesArg, String> {
    match text.split_once('=') {
        Some((method, count)) if !method.trim().is_empty() && !count.trim().is_empty() => {
            Ok(SamplesArg {
                method: method.trim().to_owned(),
                count: count.trim().to_owned(),
            })
        }
        _ => Err("write how and how many, as in latin-hypercube=200".to_owned()),
    }
}

/// `10%`, as a share.
pub fn parse_step(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    let percent = number.parse::<f64>().ok();
    percent
        .filter(|percent| (0.1..=90.0).contains(percent))
        .map(|percent| percent / 100.0)
        .ok_or_else(|| "write percent from 0.1 to 90, as in 10%,20%".to_owned())
}

/// `3/16`.
pub fn parse_shard(text: &str) -> Result<Shard, String> {
    let parts = text.split_once('/');
    let parts = parts.and_then(|(number, of)| Some((number.parse().ok()?, of.parse().ok()?)));
    match parts {
        Some((number, of)) if (1..=of).contains(&number) => Ok(Shard { number, of }),
        _ => Err("write which part of how many, from 1/16 to 16/16".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_has_its_name_before_the_first_colon_of_the_path_or_none() {
        let told = |text| {
            let one = parse_variant(text).unwrap();
            (one.name, one.change.text)
        };
        let pair = |name: &str, change: &str| (name.to_owned(), change.to_owned());
        assert_eq!(told("small: a.b=1"), pair("small", "a.b=1"));
        assert_eq!(told(" two words :a=b: c=2"), pair("two words", "a=b: c=2"));
        assert_eq!(told("a.b=12:30"), pair("a.b=12:30", "a.b=12:30"));
        for wrong in ["small:", ": a=1", "small: a", "a", "small: =1", ""] {
            assert!(parse_variant(wrong).is_err(), "{wrong}");
        }
    }
}
