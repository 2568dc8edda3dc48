//! Values of the file with their place: what was typed, not yet what it means.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Range;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A value and where it stands (a range of the joint text of all sources).
#[derive(Clone, Debug)]
pub struct Spot<T> {
    /// Where.
    pub span: Range<usize>,
    /// What.
    pub value: T,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spot<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = toml::Spanned::<T>::deserialize(deserializer)?;
        Ok(Spot {
            span: spanned.span(),
            value: spanned.into_inner(),
        })
    }
}

impl<T: JsonSchema> JsonSchema for Spot<T> {
    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }
    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }
    fn inline_schema() -> bool {
        T::inline_schema()
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// A value that is no list and no table. Whether it is of the right kind is judged later, all at once.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i128),
    /// A decimal number.
    Float(f64),
    /// true or false.
    Boolean(bool),
}

impl Scalar {
    /// As it would stand in a properties file.
    pub fn plain(&self) -> String {
        match self {
            Scalar::Text(text) => text.clone(),
            Scalar::Integer(number) => number.to_string(),
            Scalar::Float(number) => number.to_string(),
            Scalar::Boolean(flag) => flag.to_string(),
        }
    }
}

/// What may stand where a scalar, a list of `S` or a table `T` may.
enum Shape<S, T> {
    Scalar(Scalar),
    List(Vec<S>),
    Table(T),
}

struct ShapeVisitor<S, T> {
    wanted: &'static str,
    lists: bool,
    tables: bool,
    kinds: PhantomData<(S, T)>,
}

impl<S, T> ShapeVisitor<S, T> {
    fn new(wanted: &'static str, lists: bool, tables: bool) -> Self {
        ShapeVisitor {
            wanted,
            lists,
            tables,
            kinds: PhantomData,
        }
    }
}

impl<'de, S: Deserialize<'de>, T: Deserialize<'de>> Visitor<'de> for ShapeVisitor<S, T> {
    type Value = Shape<S, T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wanted)
    }
    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Shape::Scalar(Scalar::Boolean(flag)))
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Shape::Scalar(Scalar::Integer(number.into())))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Shape::Scalar(Scalar::Integer(number.into())))
    }
    fn visit_i128<E: Error>(self, number: i128) -> Result<Self::Value, E> {
        Ok(Shape::Scalar(Scalar::Integer(number)))
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Shape::Scalar(Scalar::Float(number)))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Shape::Scalar(Scalar::Text(text.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        if !self.lists {
            return Err(A::Error::custom(format!(
                "invalid type: list, expected {}",
                self.wanted
            )));
        }
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            items.push(item);
        }
        Ok(Shape::List(items))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Self::Value, A::Error> {
        if !self.tables {
            // toml hands a date over as a table with one key of its own.
            let key = table.next_key::<String>()?.unwrap_or_default();
            let got = if key.starts_with("$__toml_private_datetime") {
                "date"
            } else {
                "table"
            };
            return Err(A::Error::custom(format!(
                "invalid type: {got}, expected {}",
                self.wanted
            )));
        }
        T::deserialize(MapAccessDeserializer::new(table)).map(Shape::Table)
    }
}

/// Stands where a list or table of this kind cannot occur.
struct Nothing;

impl<'de> Deserialize<'de> for Nothing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Nothing)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = ShapeVisitor::<Nothing, Nothing>::new("a single value", false, false);
        match deserializer.deserialize_any(visitor)? {
            Shape::Scalar(scalar) => Ok(scalar),
            _ => Err(D::Error::custom("a single value is expected here")),
        }
    }
}

/// Declares a kind of scalar: its meaning is judged in the check, its schema stands here.
macro_rules! kind {
    ($(#[$doc:meta])* $name:ident: $schema:tt) => {
        $(#[$doc])*
        #[derive(Clone, Debug)]
        pub struct $name(pub Spot<Scalar>);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Spot::deserialize(deserializer).map($name)
            }
        }

        impl From<Spot<Scalar>> for $name {
            fn from(scalar: Spot<Scalar>) -> Self {
                $name(scalar)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

kind! {
    /// Text.
    Text: { "type": "string" }
}
kind! {
    /// true or false.
    Flag: { "type": "boolean" }
}
kind! {
    /// A number.
    Number: { "type": "number" }
}
kind! {
    /// A count, e.g. `4`, `2_147_000` or `"2M"`.
    Count: {
        "description": "A whole number, or text with a multiple: 2147000, \"2M\", \"1.5k\".",
        "type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9][0-9_]*(\\.[0-9]+)? *[kKMG]?$"
    }
}
kind! {
    /// A time with its unit.
    Time: {
        "description": "A time with its unit: \"4ms\", \"30s\", \"1h 30m\". Units: ns, us, ms, s, m, h, d.",
        "type": "string", "pattern": "^ *([0-9][0-9_]*(\\.[0-9]+)? *(ns|us|ms|s|m|h|d) *)+$"
    }
}
kind! {
    /// A rate with its unit of time.
    Rate: {
        "description": "A rate: \"600/s\", \"36k/min\", \"2M/h\", \"50/d\".",
        "type": "string", "pattern": "^ *[0-9][0-9_]*(\\.[0-9]+)? *[kKMG]? */ *[a-z]+ *$"
    }
}
kind! {
    /// A rate, or `none`.
    Limit: {
        "description": "A rate, \"200/s\", or \"none\" for no limit.",
        "type": "string"
    }
}
kind! {
    /// A size with its unit.
    Size: {
        "description": "A size with its unit: \"512B\", \"1KiB\", \"1.5MiB\", \"1kB\".",
        "type": "string", "pattern": "^ *[0-9][0-9_]*(\\.[0-9]+)? *(B|kB|MB|GB|KiB|MiB|GiB) *$"
    }
}
kind! {
    /// A member: its index from 0, its name, or `all`.
    Who: {
        "description": "A member by its index from 0 or by its name; \"all\" for every one that runs.",
        "type": ["integer", "string"]
    }
}
kind! {
    /// A bound of an expectation, in the metric's unit.
    Bound: {
        "description": "A number, or a time with its unit where the metric is a time.",
        "type": ["number", "string"]
    }
}

/// A single value, or a table with more to say.
#[derive(Clone, Debug)]
pub enum Either<S, T> {
    /// The short form.
    Plain(S),
    /// The long form.
    Table(Spot<T>),
}

impl<'de, S: From<Spot<Scalar>>, T: Deserialize<'de>> Deserialize<'de> for Either<S, T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shape = Spot::<EitherShape<T>>::deserialize(deserializer)?;
        let span = shape.span;
        Ok(match shape.value.0 {
            Shape::Scalar(value) => Either::Plain(S::from(Spot { span, value })),
            Shape::Table(value) => Either::Table(Spot { span, value }),
            Shape::List(_) => return Err(D::Error::custom("a list does not fit here")),
        })
    }
}

struct EitherShape<T>(Shape<Nothing, T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for EitherShape<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = ShapeVisitor::new("a value or a table", false, true);
        deserializer.deserialize_any(visitor).map(EitherShape)
    }
}

impl<S: JsonSchema, T: JsonSchema> JsonSchema for Either<S, T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Or{}", S::schema_name(), T::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let plain = generator.subschema_for::<S>();
        let table = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [plain, table] })
    }
}

/// One value, or a list of them.
#[derive(Clone, Debug)]
pub enum OneOrMany<S> {
    /// One.
    One(S),
    /// A list.
    Many(Spot<Vec<S>>),
}

impl<'de, S: From<Spot<Scalar>> + Deserialize<'de>> Deserialize<'de> for OneOrMany<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let shape = Spot::<ListShape<S>>::deserialize(deserializer)?;
        let span = shape.span;
        Ok(match shape.value.0 {
            Shape::Scalar(value) => OneOrMany::One(S::from(Spot { span, value })),
            Shape::List(value) => OneOrMany::Many(Spot { span, value }),
            Shape::Table(_) => return Err(D::Error::custom("a table does not fit here")),
        })
    }
}

struct ListShape<S>(Shape<S, Nothing>);

impl<'de, S: Deserialize<'de>> Deserialize<'de> for ListShape<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = ShapeVisitor::new("a value or a list", true, false);
        deserializer.deserialize_any(visitor).map(ListShape)
    }
}

impl<S: JsonSchema> JsonSchema for OneOrMany<S> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}OrList", S::schema_name()).into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<S>();
        json_schema!({ "anyOf": [one, { "type": "array", "items": one }] })
    }
}

/// Kafka properties: by their names, nested at the dots as TOML does or quoted.
#[derive(Clone, Debug, Default)]
pub struct PropertyTable(pub Vec<(Spot<String>, Spot<PropertyValue>)>);

/// What stands behind a property's name, or behind the first part of it.
#[derive(Clone, Debug)]
pub enum PropertyValue {
    /// A value.
    Scalar(Scalar),
    /// A list, as `partition.assignment.strategy` takes.
    List(Vec<Spot<Scalar>>),
    /// The rest of dotted names.
    Table(PropertyTable),
}

impl<'de> Deserialize<'de> for PropertyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let visitor = ShapeVisitor::new("a value of a Kafka property", true, true);
        Ok(match deserializer.deserialize_any(visitor)? {
            Shape::Scalar(scalar) => PropertyValue::Scalar(scalar),
            Shape::List(items) => PropertyValue::List(items),
            Shape::Table(table) => PropertyValue::Table(table),
        })
    }
}

impl<'de> Deserialize<'de> for PropertyTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = PropertyTable;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table of Kafka properties")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<PropertyTable, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = table.next_entry()? {
                    entries.push(entry);
                }
                Ok(PropertyTable(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl JsonSchema for PropertyTable {
    fn schema_name() -> Cow<'static, str> {
        "Properties".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Kafka properties by their own names, dots as TOML nests them or quoted. \
                            `from-file` names a properties file to read first.",
            "type": "object",
            "properties": { "from-file": {
                "description": "A properties file to read first; what stands beside it wins.",
                "type": "string"
            } },
            "additionalProperties": true
        })
    }
}

/// Settings by their paths in the model: read from the document itself, not from here.
#[derive(Clone, Debug)]
pub struct Assignments;

impl<'de> Deserialize<'de> for Assignments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(ShapeVisitor::<Nothing, IgnoredAny>::new(
            r#"a table, { "processing.concurrency" = 8 }"#,
            false,
            true,
        ))? {
            Shape::Table(_) => Ok(Assignments),
            _ => Err(D::Error::custom(
                "invalid type: value, expected a table, { \"processing.concurrency\" = 8 }",
            )),
        }
    }
}

impl JsonSchema for Assignments {
    fn schema_name() -> Cow<'static, str> {
        "Assignments".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Settings under [group], [processing] or [[poison]] by their paths: \
                            { \"group.properties.max.poll.records\" = 100, processing.concurrency = 8 }.",
            "type": "object"
        })
    }
}

/// Keys of the model by their paths, with their values: read from the document itself, not from here.
#[derive(Clone, Debug)]
pub struct Paths;

impl<'de> Deserialize<'de> for Paths {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.deserialize_any(ShapeVisitor::<Nothing, IgnoredAny>::new(
            "a table, { topic.partitions = 12 }",
            false,
            true,
        ))? {
            Shape::Table(_) => Ok(Paths),
            _ => Err(D::Error::custom(
                "invalid type: value, expected a table, { topic.partitions = 12 }",
            )),
        }
    }
}

impl JsonSchema for Paths {
    fn schema_name() -> Cow<'static, str> {
        "Paths".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Keys of the model by their paths: { topic.partitions = 12, processing.time = \"4ms\" }.",
            "type": "object"
        })
    }
}
