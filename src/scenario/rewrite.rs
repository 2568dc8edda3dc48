//! Changes keys in the text of a model and leaves everything else of it as it is. Not for judging them: the check does that.

use toml_edit::{DocumentMut, Item, TableLike, Value};

/// A key that gets another value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its path, table by table.
    pub path: Vec<String>,
    /// The value as TOML has it.
    pub value: String,
    /// A comment at the end of its line.
    pub comment: String,
}

/// `text` with these changes; tables that are not there are made.
///
/// # Errors
/// The first thing that is in the way: the text is no TOML, or a key on the path is no table.
pub fn rewrite(text: &str, changes: &[Change]) -> Result<String, String> {
    let mut document: DocumentMut = text
        .parse()
        .map_err(|fault: toml_edit::TomlError| fault.message().to_owned())?;
    for change in changes {
        let (key, tables) = change.path.split_last().ok_or("a path has no key")?;
        let mut inline = false;
        let mut table: &mut dyn TableLike = document.as_table_mut();
        for name in tables {
            let item = table.entry(name).or_insert(toml_edit::table());
            inline |= item.is_inline_table();
            table = item
                .as_table_like_mut()
                .ok_or_else(|| format!("`{name}` is no table"))?;
        }
        let mut value: Value = change
            .value
            .parse()
            .map_err(|fault: toml_edit::TomlError| fault.message().to_owned())?;
        // What stands around the old value, a comment above all, stands around the new one.
        let old = table.get(key).and_then(Item::as_value).map(Value::decor);
        let (before, after) = old.map_or((None, None), |decor| {
            (
                decor.prefix().and_then(|raw| raw.as_str()),
                decor.suffix().and_then(|raw| raw.as_str()),
            )
        });
        let (before, after) = (
            before.unwrap_or(" ").to_owned(),
            after.unwrap_or("").to_owned(),
        );
        let after = match (inline, after.contains('#')) {
            (true, _) => after,
            (false, true) => format!("{}; {}", after.trim_end(), change.comment),
            (false, false) => format!("{}  # {}", after.trim_end(), change.comment),
        };
        *value.decor_mut() = toml_edit::Decor::new(before, after);
        table.insert(key, Item::Value(value));
    }
    Ok(document.to_string())
}

/// The keys of the table at `path`; none if there is no table.
pub fn keys_at(text: &str, path: &[&str]) -> Vec<String> {
    let Ok(document) = text.parse::<DocumentMut>() else {
        return Vec::new();
    };
    let mut table: &dyn TableLike = document.as_table();
    for name in path {
        match table.get(name).and_then(Item::as_table_like) {
            Some(inner) => table = inner,
            None => return Vec::new(),
        }
    }
    table.iter().map(|(key, _)| key.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(path: &str, value: &str) -> Change {
        Change {
            path: path.split('.').map(str::to_owned).collect(),
            value: value.to_owned(),
            comment: "fitted".to_owned(),
        }
    }

    #[test]
    fn everything_but_the_values_stays_as_it_is() {
        let text = "# a model\nhorizon = \"1h\"   # long\n\n[produce]\nrate = \"5/s\"       # from the dashboard\nkeys = \"even\"\n\n\
                    [processing]\ntime = { exponential = \"4ms\" }\n# the end\n";
        let changes = [
            change("produce.rate", "\"6/s\""),
            change("processing.time", "{ exponential = \"5ms\" }"),
        ];
        let expected = "# a model\nhorizon = \"1h\"   # long\n\n[produce]\nrate = \"6/s\"       # from the dashboard; fitted\nkeys = \"even\"\n\n\
                        [processing]\ntime = { exponential = \"5ms\" }  # fitted\n# the end\n";
        assert_eq!(rewrite(text, &changes).unwrap(), expected);
    }

    #[test]
    fn a_table_that_is_not_there_is_made_and_one_on_a_line_gets_no_comment() {
        let text = "horizon = \"1h\"\nprocessing = { time = \"4ms\" }\n";
        let changes = [
            change("processing.time", "\"5ms\""),
            change("produce.rate", "\"6/s\""),
        ];
        let expected = "horizon = \"1h\"\nprocessing = { time = \"5ms\" }\n\n[produce]\nrate = \"6/s\"  # fitted\n";
        assert_eq!(rewrite(text, &changes).unwrap(), expected);
    }

    #[test]
    fn keys_are_those_of_a_table_however_it_is_written() {
        let text = "[produce]\nrate = { steps = [], repeat = \"1d\" }\nkeys.zipf = 1\n";
        assert_eq!(keys_at(text, &["produce"]), ["rate", "keys"]);
        assert_eq!(keys_at(text, &["produce", "rate"]), ["steps", "repeat"]);
        assert_eq!(keys_at(text, &["produce", "rate", "steps"]), [""; 0]);
    }

    #[test]
    fn what_is_in_the_way_is_told() {
        let told = rewrite("produce = 5\n", &[change("produce.rate", "1")]);
        assert_eq!(told.unwrap_err(), "`produce` is no table");
        assert!(rewrite("a = \n", &[]).is_err());
    }
}
