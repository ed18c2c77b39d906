//! Dialogue player, virtual Host and fault injection for authors of Postrider transports.
