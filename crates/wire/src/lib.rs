//! Bytes on a line for Postrider transports: bounded reading, deadlines, SASL, masked transcript.
