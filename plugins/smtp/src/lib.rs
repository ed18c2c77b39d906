//! Outgoing transport smtp for Postrider.
