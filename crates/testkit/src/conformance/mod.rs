//! The conformance suite: does a transport keep what the contract promises?
//!
//! An author runs it in a test of their own:
//!
//! ```
//! use postrider_testkit::conformance::{self, ScriptedSmtp};
//!
//! // A module `smtp` with a test that fails, with the whole report, if a promise is broken; and with a function
//! // `report()` for whoever wants to print it.
//! conformance::outgoing!(smtp: postrider_smtp::FACTORY, ScriptedSmtp::new);
//! # fn main() {
//! #     smtp::report().assert_kept();
//! # }
//! ```
//!
//! The first argument names the module, the second is the transport's factory, the third makes a new *bench*: the
//! backend that the transport talks to, as its far end sees it. [`ScriptedSmtp`], [`ScriptedPop3`] and
//! [`ScriptedImap`] are ready-made, for transports that speak these protocols over the connections of their host.
//! Any other backend is a dozen lines: see [`OutgoingBench`] and [`IncomingBench`].
//!
//! What a transport offers is tested; what it does not offer must be a typed `Unsupported`. What the bench can't set
//! up is reported as *not tried*. [`check_outgoing`] and [`check_incoming`] give the [`Report`] itself: its `Display`
//! is a Markdown table for a README, and it can be serialised.

mod bench;
mod blind;
mod capable;
mod described;
mod drive;
mod fixtures;
mod hostile;
mod incoming;
mod incoming_faults;
mod incoming_hints;
mod incoming_reading;
mod incoming_settling;
mod logs;
mod metered;
mod outgoing;
mod outgoing_batches;
mod outgoing_faults;
mod outgoing_outcomes;
mod report;
mod scripted;
mod secrecy;
mod servers;
mod sliding;
mod stranger;
mod trial;
mod watch;

pub use bench::{Bench, Condition, Delivered, IncomingBench, OutgoingBench, Remaining, Work};
pub use blind::{Blind, check_blind};
pub use metered::Metered;
pub use report::{Promise, Report, Verdict};
pub use scripted::{ScriptedImap, ScriptedPop3, ScriptedSmtp};

use postrider_core::TransportFactory;

/// Runs the suite over an outgoing transport. `bench` is called for every trial.
pub fn check_outgoing<B: OutgoingBench + 'static>(
    factory: &'static TransportFactory,
    bench: impl Fn() -> B,
) -> Report {
    outgoing::check(factory, &|| Box::new(bench()), |_| true)
}

/// Runs the suite over an incoming transport. `bench` is called for every trial.
pub fn check_incoming<B: IncomingBench + 'static>(
    factory: &'static TransportFactory,
    bench: impl Fn() -> B,
) -> Report {
    incoming::check(factory, &|| Box::new(bench()), |_| true)
}

/// As [`check_outgoing`], but only the promises of these [names](Promise::name): for whoever works on one of them.
pub fn check_some_outgoing<B: OutgoingBench + 'static>(
    factory: &'static TransportFactory,
    bench: impl Fn() -> B,
    promises: &[&str],
) -> Report {
    outgoing::check(factory, &|| Box::new(bench()), |name| promises.contains(&name))
}

/// As [`check_incoming`], but only the promises of these [names](Promise::name).
pub fn check_some_incoming<B: IncomingBench + 'static>(
    factory: &'static TransportFactory,
    bench: impl Fn() -> B,
    promises: &[&str],
) -> Report {
    incoming::check(factory, &|| Box::new(bench()), |name| promises.contains(&name))
}

/// As [`check_outgoing`], of the promises whose name `wanted` takes, which hears each before it is tried.
pub fn check_outgoing_if<B: OutgoingBench + 'static>(
    factory: &'static TransportFactory,
    bench: impl Fn() -> B,
    wanted: impl Fn(&str) -> bool,
) -> Report {
    outgoing::check(factory, &|| Box::new(bench()), wanted)
}

/// As [`check_incoming`], of the promises whose name `wanted` takes, which hears each before it is tried.
pub fn check_incoming_if<B: IncomingBench + 'static>(
    factory: &'static TransportFactory,
    bench: impl Fn() -> B,
    wanted: impl Fn(&str) -> bool,
) -> Report {
    incoming::check(factory, &|| Box::new(bench()), wanted)
}

/// A module with a test that runs the suite over an outgoing transport: its name, the factory, and what makes a bench.
#[macro_export]
#[doc(hidden)]
macro_rules! __outgoing {
    ($name:ident: $factory:expr, $bench:expr $(,)?) => {
        pub(crate) mod $name {
            #[allow(unused_imports)]
            use super::*;

            /// What became of every promise; they are tried once.
            #[allow(dead_code)]
            pub(crate) fn report() -> &'static $crate::conformance::Report {
                static REPORT: std::sync::OnceLock<$crate::conformance::Report> = std::sync::OnceLock::new();
                REPORT.get_or_init(|| $crate::conformance::check_outgoing(&$factory, $bench))
            }

            #[test]
            fn keeps_its_promises() {
                report().assert_kept();
            }
        }
    };
}

/// A module with a test that runs the suite over an incoming transport: its name, the factory, and what makes a bench.
#[macro_export]
#[doc(hidden)]
macro_rules! __incoming {
    ($name:ident: $factory:expr, $bench:expr $(,)?) => {
        pub(crate) mod $name {
            #[allow(unused_imports)]
            use super::*;

            /// What became of every promise; they are tried once.
            #[allow(dead_code)]
            pub(crate) fn report() -> &'static $crate::conformance::Report {
                static REPORT: std::sync::OnceLock<$crate::conformance::Report> = std::sync::OnceLock::new();
                REPORT.get_or_init(|| $crate::conformance::check_incoming(&$factory, $bench))
            }

            #[test]
            fn keeps_its_promises() {
                report().assert_kept();
            }
        }
    };
}

pub use crate::{__incoming as incoming, __outgoing as outgoing};
