//! The machinery of simulation: the agenda and addressed randomness. Knows nothing of Kafka.

mod agenda;
mod draw;
mod patience;

pub use agenda::{Agenda, Ties};
pub use draw::{Address, Purpose, Words, fingerprint};
pub use patience::Patience;
