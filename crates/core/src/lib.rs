//! The Postrider contract: transports, properties, registry, host. No I/O, no runtime, no protocol.
