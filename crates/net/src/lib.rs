//! The tokio and rustls Host for Postrider: the only crate that opens a socket.
