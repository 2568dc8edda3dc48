//! Calls of a shared dependency, each an event, beside the engine's flow-equivalent shortcut.
