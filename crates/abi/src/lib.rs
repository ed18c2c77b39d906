//! The Postrider contract in C layout, for plugins loaded at run time.
