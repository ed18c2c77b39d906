//! Ways out with a flaw.

use crate::as_kind;
use postrider_core::{Verdict as Word, *};
use postrider_smtp::{FACTORY, Smtp, SmtpConfig};
use postrider_testkit::conformance::{self, ScriptedSmtp, Verdict};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Flaw {
    Nothing,
    SaysDelivered,
    SaysNotSent,
    SaysUnsure,
    SendsAgain,
    TakesWhatThereIs,
    Buffers,
    Leaks,
    Logs,
    LeaksInDebugTranscript,
    TripsAfterCancellation,
    SendsWhenDropped,
    ActsInMake,
    NoDocumentation,
    UnreadProperty,
    TakesAnyValue,
    ForgetsRecipients,
    SplitsMessages,
    LosesDots,
    Panics,
    WaitsForEver,
    SaysPlugin,
    NoAdvice,
    FailsToClose,
    HoldsOutcomes,
    SwapsOutcomes,
    ForgetsOne,
    ReportsTwice,
    CountsFromOne,
    LeavesEarly,
    BoastsOfBatches,
    HidesRecipients,
    NamesAnotherDirection,
    TakesTwoAtOnce,
    RenamesErrors,
    FallsBackToClear,
    ConnectSends,
    DefersForGood,
}

struct Flawed {
    inner: Smtp,
    flaw: Flaw,
    config: SmtpConfig,
    host: Arc<dyn Host>,
    busy: bool,
    left: Option<(Envelope, Vec<u8>)>,
}

const SECRET: &str = ScriptedSmtp::PASSWORD;

fn receipt(envelope: &Envelope) -> Receipt {
    let said = Reply::new("250", None, "ok");
    let all =
        envelope.to.iter().map(|r| RecipientOutcome::new(r.address.clone(), Word::Accepted(said.clone())));
    Receipt::new(said.clone(), all.collect())
}

impl Flawed {
    async fn deliver(&mut self, envelope: &Envelope, bytes: Vec<u8>) -> Result<Receipt> {
        self.inner.send(envelope, bytes.into()).await
    }
}

#[async_trait]
impl OutgoingTransport for Flawed {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        use Flaw::*;
        if let Some((envelope, bytes)) = self.left.take() {
            self.deliver(&envelope, bytes).await?;
        }
        match self.flaw {
            SendsAgain => {
                let bytes = body.read_all(1 << 30).await?.to_vec();
                match self.deliver(envelope, bytes.clone()).await {
                    Err(error) if error.kind() == ErrorKind::Unsure => self.deliver(envelope, bytes).await,
                    other => other,
                }
            }
            Buffers => {
                let bytes = body.read_all(1 << 30).await?.to_vec();
                self.deliver(envelope, bytes).await
            }
            TakesWhatThereIs => {
                let (mut body, mut bytes) = (body, Vec::new());
                while let Ok(Some(chunk)) = body.chunk().await {
                    bytes.extend_from_slice(&chunk);
                }
                self.deliver(envelope, bytes).await
            }
            SendsWhenDropped => {
                let bytes = body.read_all(1 << 30).await?.to_vec();
                self.left = Some((envelope.clone(), bytes.clone()));
                let outcome = self.deliver(envelope, bytes).await;
                self.left = None;
                outcome
            }
            LosesDots => {
                let bytes = body.read_all(1 << 30).await?;
                let text = String::from_utf8_lossy(&bytes).replace("\r\n.", "\r\n");
                self.deliver(envelope, text.into_bytes()).await
            }
            SplitsMessages => {
                let bytes = body.read_all(1 << 30).await?;
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let mut last = Ok(receipt(envelope));
                for part in text.split("\n.\n") {
                    last = self.deliver(envelope, part.as_bytes().to_vec()).await;
                }
                last
            }
            TripsAfterCancellation => {
                if self.busy {
                    return Err(Error::new(ErrorKind::Protocol, Phase::Sender, "still busy"));
                }
                self.busy = true;
                let outcome = self.inner.send(envelope, body).await;
                self.busy = false;
                outcome
            }
            _ => {
                let outcome = self.inner.send(envelope, body).await;
                if let (Logs, Err(error)) = (self.flaw, &outcome) {
                    tracing::debug!("{error} with {SECRET}");
                }
                if let LeaksInDebugTranscript = self.flaw {
                    tracing::trace!(sent = ?SECRET, "AUTH");
                }
                let error = match outcome {
                    Ok(receipt) => return Ok(receipt),
                    Err(error) => error,
                };
                Err(match (self.flaw, error.kind()) {
                    (SaysDelivered, _) => return Ok(receipt(envelope)),
                    (SaysNotSent, ErrorKind::Unsure) => as_kind(ErrorKind::Closed, &error),
                    (SaysUnsure, ErrorKind::Closed) => as_kind(ErrorKind::Unsure, &error),
                    (Leaks, ErrorKind::Authentication) => {
                        Error::new(error.kind(), error.phase(), format!("{SECRET} was refused"))
                            .with_advice("set another")
                    }
                    (ForgetsRecipients, _) => as_kind(error.kind(), &error),
                    (Panics, ErrorKind::Protocol | ErrorKind::Limit) => panic!("what is that?"),
                    (WaitsForEver, ErrorKind::Timeout) => return std::future::pending().await,
                    (SaysPlugin, _) => as_kind(ErrorKind::Plugin, &error),
                    (NoAdvice, ErrorKind::Authentication) => as_kind(error.kind(), &error),
                    (RenamesErrors, ErrorKind::Connect) => as_kind(ErrorKind::Closed, &error),
                    (DefersForGood, ErrorKind::Deferred) => as_kind(ErrorKind::Rejected, &error),
                    _ => error,
                })
            }
        }
    }

    async fn send_all(&mut self, batch: &mut dyn Batch<'_>) {
        let (mut index, mut held) = (0, Vec::new());
        if self.flaw == Flaw::TakesTwoAtOnce {
            let mut two = Vec::new();
            while let Some(message) = poll_fn(|cx| batch.poll_message(cx)).await {
                two.push(message);
                if two.len() < 2 {
                    continue;
                }
                for (envelope, body) in two.drain(..) {
                    let outcome = self.send(&envelope, body).await;
                    batch.report(index, outcome);
                    index += 1;
                }
            }
            return;
        }
        while let Some((envelope, body)) = poll_fn(|cx| batch.poll_message(cx)).await {
            let outcome = self.send(&envelope, body).await;
            match self.flaw {
                Flaw::HoldsOutcomes => held.push(outcome),
                Flaw::SwapsOutcomes if held.is_empty() && index == 0 => held.push(outcome),
                Flaw::SwapsOutcomes if index == 1 => {
                    batch.report(0, outcome);
                    batch.report(1, held.remove(0));
                }
                Flaw::ForgetsOne if index == 1 => {}
                Flaw::ReportsTwice => {
                    batch.report(index, Ok(receipt(&envelope)));
                    batch.report(index, outcome);
                }
                Flaw::CountsFromOne => batch.report(index + 1, outcome),
                Flaw::LeavesEarly => {
                    batch.report(index, outcome);
                    return;
                }
                _ => batch.report(index, outcome),
            }
            index += 1;
        }
        held.into_iter().enumerate().for_each(|(index, outcome)| batch.report(index, outcome));
    }

    async fn connect(&mut self) -> Result<()> {
        if self.flaw == Flaw::ConnectSends {
            let me = Envelope::parse(Some("me@example.org"), ["one@example.org"])?;
            self.deliver(&me, b"Subject: a test\r\n\r\n".to_vec()).await?;
        }
        OutgoingTransport::connect(&mut self.inner).await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        if self.flaw == Flaw::FailsToClose {
            return Err(Error::new(ErrorKind::Closed, Phase::Close, "no answer to QUIT"));
        }
        let _ = (&self.config, &self.host);
        Box::new(self.inner).close().await
    }
}

fn flawed(flaw: Flaw) -> &'static TransportFactory {
    let make = move |properties: &Properties, host: Arc<dyn Host>| -> Result<Box<dyn OutgoingTransport>> {
        let mut config = match SmtpConfig::read(properties) {
            Err(error) if flaw == Flaw::TakesAnyValue && error.property().is_some() => {
                let target = Target::new("mail.example.org", 465, TlsMode::Implicit)?;
                SmtpConfig::new(target.clone(), postrider_smtp::Login::none(&target))
            }
            other => other?,
        };
        if flaw == Flaw::ActsInMake {
            drop(host.sleep(Duration::from_secs(1)));
        }
        if flaw == Flaw::FallsBackToClear && config.target.tls == TlsMode::StartTls {
            config.target.tls = TlsMode::StartTlsIfOffered;
            config.login.allow_cleartext = true;
        }
        let inner = Smtp::new(config.clone(), Arc::clone(&host));
        Ok(Box::new(Flawed { inner, flaw, config, host, busy: false, left: None }))
    };
    const BARE: &[PropertySpec] = &[Property::<u16>::new("pigeons", "").spec()];
    const UNREAD: &[PropertySpec] = &[Property::<u16>::new("pigeons", "How many pigeons to send.").spec()];
    let table: &'static [PropertySpec] = match flaw {
        Flaw::NoDocumentation => BARE,
        Flaw::UnreadProperty => UNREAD,
        _ => &[],
    };
    let mut tables = FACTORY.properties.to_vec();
    tables.push(table);
    let factory = TransportFactory::outgoing("flawed", Box::leak(Box::new(make)));
    use Capability::*;
    let capabilities: &'static [Capability] = match flaw {
        Flaw::BoastsOfBatches => &[Connect, Recipients, Batch],
        Flaw::HidesRecipients => &[Connect],
        Flaw::NamesAnotherDirection => &[Connect, Recipients, Delete],
        _ => &[Connect, Recipients],
    };
    let factory = factory.about("with a flaw").properties(Box::leak(tables.into_boxed_slice()));
    Box::leak(Box::new(factory.capabilities(capabilities)))
}

#[track_caller]
fn is_found(flaw: Flaw, promises: &[&str]) {
    let report = conformance::check_some_outgoing(flawed(flaw), ScriptedSmtp::new, promises);
    for promise in promises {
        let verdict = report.verdict(promise);
        assert!(
            matches!(verdict, Some(Verdict::Broken(_))),
            "{flaw:?} is not found by {promise}: {verdict:?}"
        );
    }
}

#[test]
fn the_transport_under_the_flaws_has_none() {
    conformance::check_outgoing(&FACTORY, ScriptedSmtp::new).assert_kept();
}

#[test]
fn outcomes_that_are_not_true_are_found() {
    is_found(Flaw::SaysDelivered, &["refusals", "cuts", "recipients", "deadlines", "limits"]);
    is_found(Flaw::SaysNotSent, &["cuts", "unsure"]);
    is_found(Flaw::SaysUnsure, &["cuts"]);
    is_found(Flaw::ForgetsRecipients, &["recipients"]);
    is_found(Flaw::DefersForGood, &["refusals"]);
}

#[test]
fn batches_that_are_not_told_of_one_by_one_or_not_truly_are_found() {
    is_found(Flaw::HoldsOutcomes, &["batch"]);
    is_found(Flaw::SwapsOutcomes, &["batch"]);
    is_found(Flaw::ForgetsOne, &["batch"]);
    is_found(Flaw::ReportsTwice, &["batch"]);
    is_found(Flaw::CountsFromOne, &["batch"]);
    is_found(Flaw::LeavesEarly, &["batch"]);
    is_found(Flaw::SaysDelivered, &["batch-breaks"]);
    is_found(Flaw::SaysNotSent, &["batch-breaks"]);
    is_found(Flaw::SaysUnsure, &["batch-breaks"]);
    is_found(Flaw::TripsAfterCancellation, &["batch-breaks"]);
}

#[test]
fn capabilities_that_are_not_there_or_not_told_are_found() {
    is_found(Flaw::BoastsOfBatches, &["capabilities"]);
    is_found(Flaw::HidesRecipients, &["capabilities"]);
    is_found(Flaw::NamesAnotherDirection, &["capabilities"]);
    // A pair that waits for its second half is no batch either.
    is_found(Flaw::TakesTwoAtOnce, &["batch"]);
    let none = conformance::check_some_outgoing(flawed(Flaw::Nothing), ScriptedSmtp::new, &["capabilities"]);
    assert_eq!(none.verdict("capabilities"), Some(&Verdict::Kept));
}

#[test]
fn messages_that_are_torn_doubled_or_sent_against_orders_are_found() {
    is_found(Flaw::SendsAgain, &["unsure"]);
    is_found(Flaw::SendsWhenDropped, &["cancellation"]);
    is_found(Flaw::TripsAfterCancellation, &["cancellation"]);
    is_found(Flaw::TakesWhatThereIs, &["body-fails"]);
    is_found(Flaw::LosesDots, &["delivers", "pieces"]);
    is_found(Flaw::SplitsMessages, &["injection"]);
    is_found(Flaw::ConnectSends, &["connect"]);
    is_found(Flaw::FailsToClose, &["close"]);
    is_found(Flaw::Buffers, &["memory"]);
}

#[test]
fn bad_manners_in_settings_are_found() {
    is_found(Flaw::ActsInMake, &["make-without-io"]);
    is_found(Flaw::NoDocumentation, &["properties"]);
    is_found(Flaw::UnreadProperty, &["bad-values"]);
    is_found(Flaw::TakesAnyValue, &["bad-values"]);
}

#[test]
fn secrets_that_show_are_found() {
    is_found(Flaw::Leaks, &["secrets"]);
    is_found(Flaw::Logs, &["secrets"]);
    is_found(Flaw::LeaksInDebugTranscript, &["secrets"]);
}

#[test]
fn errors_hangs_and_panics_are_found() {
    is_found(Flaw::Panics, &["limits"]);
    is_found(Flaw::WaitsForEver, &["deadlines", "cuts"]);
    is_found(Flaw::SaysPlugin, &["errors"]);
    is_found(Flaw::NoAdvice, &["errors"]);
    is_found(Flaw::RenamesErrors, &["unreachable"]);
    is_found(Flaw::FallsBackToClear, &["starttls"]);
}
