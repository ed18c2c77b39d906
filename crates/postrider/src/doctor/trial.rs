//! The examination of one direction, from the settings to the test message.

use crate::Session;
use crate::doctor::letter::not_asked;
use crate::doctor::observer::Observer;
use crate::doctor::report::{Report, Status, Step, StepName};
use crate::doctor::seen::{Notebook, Seen};
use crate::doctor::settings::Patient;
use crate::doctor::spoken::in_words;
use crate::doctor::steps;
use crate::doctor::watch::watched;
use postrider_core::{
    Address, Direction, Error, Host, IncomingTransport, OutgoingTransport, Phase, Query, Result, within,
};
use std::sync::Arc;
use std::time::Duration;

/// The steps between the settings and the last ones, where nothing is known of their order.
pub(crate) const CONNECTION: [StepName; 8] = [
    StepName::Dns,
    StepName::Tcp,
    StepName::Greeting,
    StepName::StartTls,
    StepName::Tls,
    StepName::Capabilities,
    StepName::Mechanisms,
    StepName::SignIn,
];

/// Longest time for a goodbye.
const GOODBYE: Duration = Duration::from_secs(5);

/// One examination.
pub(crate) struct Trial<'a> {
    pub(crate) session: &'a Session,
    pub(crate) patient: Patient,
    pub(crate) patience: Duration,
    pub(crate) send_to: Option<&'a Address>,
}

enum Made {
    Incoming(Box<dyn IncomingTransport>),
    Outgoing(Box<dyn OutgoingTransport>),
}

impl Trial<'_> {
    pub(crate) async fn run(mut self) -> Report {
        let notes = Arc::new(Notebook::default());
        let observer = Arc::new(Observer {
            host: self.session.host(),
            notes: Arc::clone(&notes),
            expected: self.patient.speaks,
            patience: self.patience,
        });
        let direction = self.patient.direction;
        let made = match self.make(Arc::clone(&observer) as Arc<dyn Host>) {
            Ok(made) => made,
            Err(error) => {
                let mut steps = vec![self.patient.failed(&error)];
                steps.extend(not_reached(direction, &CONNECTION, StepName::Settings));
                return self.report(steps, &Seen::default());
            }
        };
        let (failure, last) = match made {
            Made::Incoming(transport) => self.incoming(transport, &observer).await,
            Made::Outgoing(transport) => self.outgoing(transport, &observer).await,
        };
        let seen = notes.open();
        self.patient.mask(&seen.secrets);
        let mut all = vec![self.patient.step()];
        match &failure {
            // It says only when it is used what is wrong with its settings.
            Some(error) if steps::step_of(error, &seen) == StepName::Settings => {
                all = vec![self.patient.failed(error)];
                all.extend(not_reached(direction, &CONNECTION, StepName::Settings));
                return self.report(all, &seen);
            }
            _ => all.extend(steps::of(&self.patient, &seen, failure.as_ref())),
        }
        all.extend(last);
        self.report(all, &seen)
    }

    fn make(&self, host: Arc<dyn Host>) -> Result<Made> {
        let (registry, properties) = (self.session.registry(), self.session.properties());
        let name = &self.patient.name;
        Ok(match self.patient.direction {
            Direction::Incoming => Made::Incoming(registry.incoming(name, &properties, host)?),
            Direction::Outgoing => {
                // A mailer reads more than its transport does.
                self.session.mailer()?;
                Made::Outgoing(registry.outgoing(name, &properties, host)?)
            }
        })
    }

    /// What stopped it, and the steps after signing in.
    async fn incoming(
        &mut self,
        mut transport: Box<dyn IncomingTransport>,
        observer: &Observer,
    ) -> (Option<Error>, Vec<Step>) {
        let name = StepName::Mailbox;
        match watched(observer, transport.connect()).await {
            Err(error) if !steps::is_untried(&error) => {
                let failed = steps::step_of(&error, &observer.notes.open());
                let last = not_reached(Direction::Incoming, &[], failed);
                return (Some(error), last);
            }
            _ => {}
        }
        let one = Query::all().limit(1);
        let listed = watched(observer, transport.list(&one)).await;
        let _ = within(observer, GOODBYE, Phase::Close, transport.close()).await;
        self.patient.mask(&observer.notes.open().secrets);
        match listed {
            Ok(page) => {
                let saw = if page.messages.is_empty() {
                    "it is empty"
                } else {
                    "it can be read, and there is mail"
                };
                (None, vec![Step::new(name, Status::Ok, saw)])
            }
            Err(error) => {
                let seen = observer.notes.open();
                match steps::step_of(&error, &seen) {
                    StepName::Mailbox => {
                        let step = steps::failed_step(&self.patient, &seen, name, &error);
                        (None, vec![step])
                    }
                    failed => (Some(error), not_reached(Direction::Incoming, &[], failed)),
                }
            }
        }
    }

    /// As [`incoming`](Self::incoming).
    async fn outgoing(
        &mut self,
        mut transport: Box<dyn OutgoingTransport>,
        observer: &Observer,
    ) -> (Option<Error>, Vec<Step>) {
        let tried = watched(observer, transport.connect()).await;
        let _ = within(observer, GOODBYE, Phase::Close, transport.close()).await;
        // A transport of others may repeat it in the last steps.
        self.patient.mask(&observer.notes.open().secrets);
        let sender = self.sender();
        let failed = match tried {
            Err(error) if !steps::is_untried(&error) => error,
            Err(_) => {
                observer.notes.write(|seen| seen.untried = true);
                return (None, vec![sender, self.message(observer).await]);
            }
            Ok(()) => return (None, vec![sender, self.message(observer).await]),
        };
        let name = steps::step_of(&failed, &observer.notes.open());
        let message = match self.send_to {
            Some(_) => Step::skipped(StepName::TestMessage, format!("not reached: {name} failed")),
            None => not_asked(),
        };
        (Some(failed), vec![sender, message])
    }

    fn report(&self, steps: Vec<Step>, seen: &Seen) -> Report {
        let target = seen.target.clone().or_else(|| self.patient.target());
        let server = target.map(|t| format!("{}:{}, {}", t.host.escape_debug(), t.port, in_words(t.tls)));
        Report {
            direction: self.patient.direction,
            transport: Some(self.patient.name.clone()),
            server,
            steps,
        }
    }
}

/// The steps that follow, none of which was made.
pub(crate) fn not_reached(direction: Direction, between: &[StepName], failed: StepName) -> Vec<Step> {
    let last: &[StepName] = match direction {
        Direction::Incoming => &[StepName::Mailbox],
        Direction::Outgoing => &[StepName::Sender, StepName::TestMessage],
    };
    let why = format!("not reached: {failed} failed");
    between.iter().chain(last).map(|name| Step::skipped(*name, why.clone())).collect()
}
