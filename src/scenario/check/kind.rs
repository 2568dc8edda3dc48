//! Which kind of file a document is, so that a model given for an experiment, or the other way round, is told as that one
//! slip, and not key by key.

use toml::de::DeTable;

use super::judge::{Judge, Place};

/// What only a model has.
const OF_MODELS: [&str; 3] = ["topic", "group", "processing"];
/// What each experiment has, and no model.
const OF_EXPERIMENTS: &str = "model";

/// Whether a text is an experiment: it names a model, and has nothing that only a model has. One that is no TOML is none.
pub fn is_experiment(text: &str) -> bool {
    toml::from_str::<toml::Table>(text).is_ok_and(|table| {
        table.contains_key(OF_EXPERIMENTS) && !OF_MODELS.iter().any(|key| table.contains_key(*key))
    })
}

/// Where the first of these keys stands in the file.
fn place_of(tree: &DeTable<'_>, keys: &[&str]) -> Option<Place> {
    let places = tree
        .keys()
        .filter(|key| keys.contains(&key.get_ref().as_ref()));
    places.map(|key| key.span()).min_by_key(|place| place.start)
}

impl Judge<'_> {
    /// A document that is to be a model and is an experiment.
    pub(super) fn refuse_experiment(&mut self, tree: &DeTable<'_>) -> Option<()> {
        match (
            place_of(tree, &[OF_EXPERIMENTS]),
            place_of(tree, &OF_MODELS),
        ) {
            (Some(place), None) => self.error(
                &place,
                "this is an experiment, which asks a question of a model",
                "give it to lagsim sweep, compare or plan, or name the model that it asks",
            ),
            _ => Some(()),
        }
    }

    /// A document that is to be an experiment and is a model.
    pub(super) fn refuse_model(&mut self, tree: &DeTable<'_>) -> Option<()> {
        match (place_of(tree, &OF_MODELS), place_of(tree, &[OF_EXPERIMENTS])) {
            (Some(place), None) => self.error(
                &place,
                "this is a model, and not an experiment, which asks a question of one",
                "give it to lagsim run; or ask without a file: lagsim sweep --model MODEL --vary topic.partitions=4,8,12",
            ),
            _ => Some(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_experiment;

    #[test]
    fn a_model_with_a_stray_key_is_no_experiment() {
        assert!(is_experiment("model = \"orders.toml\"\n"));
        assert!(!is_experiment(
            "model = \"orders\"\n[topic]\npartitions = 4\n"
        ));
        assert!(!is_experiment("[topic]\npartitions = 4\n"));
        assert!(!is_experiment("model = "));
    }
}
