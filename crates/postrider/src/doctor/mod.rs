//! Looks for the cause when mail does not go out or come in.
//!
//! | file | what is in it |
//! |---|---|
//! | `mod.rs`, `trial.rs`, `letter.rs`, `watch.rs` | [`Doctor`]: the examination |
//! | `settings.rs`, `advice.rs` | the first step: what the settings come to, and what is wrong with them |
//! | `observer.rs`, `observed.rs`, `look.rs` | the host that a transport gets, and what it looks at first |
//! | `seen.rs` | what was seen |
//! | `steps.rs`, `certificate.rs` | from what was seen to steps |
//! | `causes.rs`, `sign_in.rs` | why a step failed and what to try |
//! | `providers.rs`, `spoken.rs` | data: large providers, and which protocol begins how |
//! | `report.rs` | [`Report`], for people and machines |

mod advice;
mod causes;
mod certificate;
mod letter;
mod look;
mod observed;
mod observer;
mod providers;
mod report;
mod seen;
mod settings;
mod sign_in;
mod spoken;
mod steps;
mod trial;
mod watch;

pub use report::{Correction, Finding, Report, Status, Step, StepName};

use crate::Session;
use postrider_core::{Address, Direction, Error, Result};
use settings::Patient;
use std::fmt;
use std::time::Duration;
use trial::Trial;

/// Goes step by step through what a session needs to send or receive, and says what it saw, what the cause is
/// likely to be and what to try next.
///
/// It looks at the server itself first (addresses, TCP to each, TLS, first words; nothing is said to it), and
/// then lets the session's own transport connect and sign in, whatever transport it is. No message is touched,
/// and none is sent unless [`send_to`](Self::send_to) asks for it. Passwords and tokens are never in a report.
///
/// ```no_run
/// # async fn example(session: postrider::Session) {
/// use postrider::{Direction, doctor::Doctor};
/// let report = Doctor::new(&session).examine(Direction::Outgoing).await;
/// println!("{report}");
/// assert!(report.is_ok());
/// # }
/// ```
pub struct Doctor<'a> {
    session: &'a Session,
    patience: Duration,
    send_to: Option<Address>,
}

impl<'a> Doctor<'a> {
    /// A doctor for this session, who waits 10 s for each answer and sends nothing.
    pub fn new(session: &'a Session) -> Self {
        Self { session, patience: Duration::from_secs(10), send_to: None }
    }

    /// Waits so long for each thing that is looked at. The transport's own deadlines hold as well.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Sends one short message to this address when all else is well and the outgoing direction is examined.
    pub fn send_to(mut self, address: Address) -> Self {
        self.send_to = Some(address);
        self
    }

    /// Examines one direction. Never fails: what fails is in the report.
    ///
    /// # Cancellation
    /// Costs the connection; a test message may have been sent.
    pub async fn examine(&self, direction: Direction) -> Report {
        let patient = match self.patient(direction) {
            Ok(patient) => patient,
            Err(error) => return refused(direction, &error),
        };
        let trial =
            Trial { session: self.session, patient, patience: self.patience, send_to: self.send_to.as_ref() };
        trial.run().await
    }

    fn patient(&self, direction: Direction) -> Result<Patient> {
        let name = self.session.protocol(direction)?;
        let (registry, properties) = (self.session.registry(), self.session.properties());
        Patient::new(direction, name, &registry, &properties, self.session.notes())
    }
}

/// The report about settings of which no session can be made: [`SessionBuilder::build`](crate::SessionBuilder)
/// gave this error.
pub fn refused(direction: Direction, error: &Error) -> Report {
    let mut steps = vec![settings::failed(error)];
    steps.extend(trial::not_reached(direction, &trial::CONNECTION, StepName::Settings));
    Report { direction, transport: None, server: None, steps }
}

impl fmt::Debug for Doctor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doctor").field("patience", &self.patience).finish_non_exhaustive()
    }
}
