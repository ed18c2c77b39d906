//! The promises that can be tried whatever a transport speaks: its far end is silent, talks nonsense, or is not there.

use super::bench::{Bench, Condition};
use super::drive::GivenUp;
use super::fixtures::{ONE, envelope, message};
use super::report::{Report, Verdict};
use super::stranger::Stranger;
use super::trial::{Check, Kit, Trial, broken, need_line, not_tried};
use super::{described, hostile, incoming, outgoing, secrecy};
use postrider_core::{
    Direction, ErrorKind, Host, IncomingTransport, OutgoingTransport, Query, Result as Answer,
    TransportFactory,
};
use std::sync::Arc;

/// What is known of a transport whose far end is not at hand.
#[derive(Clone, Debug, Default)]
pub struct Blind {
    /// What it can't be made without, as a property file; secrets with texts that are found again.
    pub properties: String,
    /// The secrets among them.
    pub secrets: Vec<String>,
    /// Whether an outgoing transport that can't `connect()` may be asked to send a message, to one@example.org. One that
    /// goes other ways than over its host's connections does so in earnest.
    pub sends: bool,
}

/// Tries every promise that holds whatever the server says: refused and silent connections, nonsense, endless lines,
/// cuts, deadlines, cancellation, secrets. Those that take a server that answers are *not tried*. `begins` hears the name
/// of each before it is tried.
pub fn check_blind(factory: &'static TransportFactory, blind: &Blind, begins: impl Fn(&str)) -> Report {
    let bench = || -> Box<Stranger> { Box::new(Stranger::new(blind.clone())) };
    let kit = Kit::new(factory, &bench, attempt);
    let all: Vec<(&'static str, &'static str)> = match factory.direction() {
        Direction::Incoming => incoming::TRIALS.iter().map(|trial| (trial.0, trial.1)).collect(),
        Direction::Outgoing => outgoing::TRIALS.iter().map(|trial| (trial.0, trial.1)).collect(),
    };
    let trials: Vec<Trial<Stranger>> =
        all.into_iter().map(|(name, text)| (name, text, trial(name))).collect();
    kit.judge(
        |name| {
            begins(name);
            true
        },
        &trials,
    )
}

/// How a promise is tried without a server.
fn trial(name: &str) -> fn(&Kit<'_, Stranger>) -> Check {
    match name {
        "properties" => described::properties,
        "bad-values" => described::bad_values,
        "make-without-io" => described::made_without_io,
        "cuts" => |kit| dials(kit).and_then(|()| cuts(kit)),
        "cancellation" => |kit| dials(kit).and_then(|()| cancellation(kit)),
        "deadlines" => |kit| dials(kit).and_then(|()| hostile::deadline(kit)),
        "limits" => |kit| dials(kit).and_then(|()| hostile::limits(kit)),
        "unreachable" => |kit| dials(kit).and_then(|()| hostile::unreachable(kit)),
        "close" => |kit| close(kit),
        "errors" => secrecy::typed,
        "secrets" => |kit| dials(kit).and_then(|()| secrecy::silent(kit)),
        _ => |_| not_tried("it takes a server that answers"),
    }
}

/// A transport of either direction, and the first thing that it is asked.
enum Either {
    Incoming(Box<dyn IncomingTransport>),
    Outgoing(Box<dyn OutgoingTransport>, bool),
}

impl Either {
    async fn call(&mut self) -> Answer<()> {
        match self {
            Self::Incoming(transport) => transport.list(&Query::all()).await.map(drop),
            Self::Outgoing(transport, true) => {
                let body = message(1).into_bytes().into();
                transport.send(&envelope(&[ONE])?, body).await.map(drop)
            }
            Self::Outgoing(transport, false) => transport.connect().await,
        }
    }

    async fn close(self) -> Answer<()> {
        match self {
            Self::Incoming(transport) => transport.close().await,
            Self::Outgoing(transport, _) => transport.close().await,
        }
    }
}

fn make(
    kit: &Kit<'_, Stranger>,
    bench: &Stranger,
    over: &[(String, String)],
    host: Arc<dyn Host>,
) -> Result<Answer<Either>, Verdict> {
    let (registry, properties) = (kit.registry()?, kit.properties(bench, over)?);
    Ok(match kit.factory.direction() {
        Direction::Incoming => registry.incoming(kit.factory.name, &properties, host).map(Either::Incoming),
        Direction::Outgoing => registry
            .outgoing(kit.factory.name, &properties, host)
            .map(|transport| Either::Outgoing(transport, bench.blind.sends)),
    })
}

fn made(kit: &Kit<'_, Stranger>, bench: &Stranger) -> Result<Either, Verdict> {
    let made = make(kit, bench, &[], bench.host())?;
    kit.good("making it", made)
}

fn attempt(
    kit: &Kit<'_, Stranger>,
    bench: &Stranger,
    over: &[(String, String)],
    host: Arc<dyn Host>,
) -> Result<Answer<()>, Verdict> {
    match make(kit, bench, over, host)? {
        Ok(mut transport) => kit.drive(bench, transport.call()),
        Err(error) => Ok(Err(error)),
    }
}

/// Asks for one thing, and notes how that went.
fn asked(kit: &Kit<'_, Stranger>, bench: &Stranger, transport: &mut Either) -> Result<Answer<()>, Verdict> {
    let outcome = kit.drive(bench, transport.call())?;
    kit.note(&outcome);
    Ok(outcome)
}

/// There is something to try only if it uses its host's connections.
fn dials(kit: &Kit<'_, Stranger>) -> Check {
    let bench = (kit.bench)();
    let outcome = attempt(kit, &bench, &[], bench.host())?;
    if bench.line.dials() > 0 {
        return Ok(());
    }
    let out = kit.factory.direction() == Direction::Outgoing && !bench.blind.sends;
    match outcome {
        Err(error) if out && error.kind() == ErrorKind::Unsupported => {
            not_tried("it can't connect() without sending, and nothing is sent here unless that is allowed")
        }
        _ => not_tried("it uses no connection of its host"),
    }
}

/// The line ends, breaks or falls silent before there was an answer.
fn cuts(kit: &Kit<'_, Stranger>) -> Check {
    for place in ["at once", "when it speaks", "in the middle of what it says", "behind a word of nonsense"] {
        let mut bench = (kit.bench)();
        let line = need_line(bench.line())?;
        drop(match place {
            "at once" => line.cut_after(0),
            "when it speaks" => line.cut_client_after(0),
            "in the middle of what it says" => line.cut_client_after(3),
            _ => {
                bench.arrange(&Condition::Garbage);
                line.cut_after(4)
            }
        });
        let mut transport = made(kit, &bench)?;
        for again in ["", " again"] {
            match asked(kit, &bench, &mut transport)? {
                Ok(()) => return broken(format!("cut {place}{again}, and it says that all went well")),
                Err(error) if error.kind() == ErrorKind::Unsure => {
                    return broken(format!("cut {place}{again}: unsure, though nothing was sent: {error}"));
                }
                Err(_) => {}
            }
        }
    }
    Ok(())
}

/// Given up at the n-th await, it answers the next call as a new one would.
fn cancellation(kit: &Kit<'_, Stranger>) -> Check {
    for condition in [None, Some(Condition::Garbage), Some(Condition::EndlessLine)] {
        let set_up = || {
            let mut bench = (kit.bench)();
            condition.as_ref().map(|condition| bench.arrange(condition));
            bench
        };
        let bench = set_up();
        let Err(fresh) = asked(kit, &bench, &mut made(kit, &bench)?)? else {
            return broken("nobody said anything that makes sense, and it says that all went well");
        };
        for polls in 0..2_000 {
            let bench = set_up();
            let mut transport = made(kit, &bench)?;
            let ended = kit.drive(&*bench, GivenUp::after(polls, transport.call()))?.is_some();
            match asked(kit, &bench, &mut transport)? {
                Err(error) if error.kind() == fresh.kind() => {}
                other => {
                    let fresh = fresh.kind();
                    return broken(format!(
                        "given up at await {polls}, the next call gives {other:?}, a new transport {fresh:?}"
                    ));
                }
            }
            if ended {
                break;
            }
        }
    }
    Ok(())
}

fn close(kit: &Kit<'_, Stranger>) -> Check {
    let bench = (kit.bench)();
    let closed = kit.drive(&*bench, made(kit, &bench)?.close())?;
    kit.good("closing it unused", closed)?;
    if bench.line.dials() > 0 {
        return broken("closing it unused connects");
    }
    dials(kit)?;
    // After a call that failed.
    let mut transport = made(kit, &bench)?;
    drop(asked(kit, &bench, &mut transport)?);
    let closed = kit.drive(&*bench, transport.close())?;
    kit.good("closing it after a call that failed", closed)
}
