//! Postrider transports in memory, for the tests of host apps.
