//! Which messages were handled.
