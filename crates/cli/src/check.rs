//! `postrider check`.

use crate::check_args::CheckArgs;
use crate::exit::{Code, Failure};
use crate::interrupt::interrupted;
use crate::output::{Output, clean};
use crate::settings;
use postrider::doctor::{Doctor, Report, Status, StepName, refused};
use postrider::{Direction, Error, ErrorKind, Phase, Session, session_property};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Examines each direction and says what it found.
pub(crate) fn run(runtime: &Runtime, args: &CheckArgs, out: &mut Output) -> Result<Code, Failure> {
    // What is missing altogether is told before anything is examined.
    let direction = args.only.map_or(Direction::Outgoing, Direction::from);
    settings::anything(&settings::layers(&args.settings, &args.settings.load.registry()?)?, direction)?;
    let mut code = Code::Done;
    for (at, patient) in patients(args)?.into_iter().enumerate() {
        let report = match patient {
            Ok((direction, session)) => runtime.block_on(examine(args, &session, direction))?,
            Err(report) => *report,
        };
        if code == Code::Done {
            code = outcome(&report);
        }
        if out.is_json() {
            out.value(&for_machines(&report)?)?;
            continue;
        }
        if at > 0 {
            out.line("")?;
        }
        for line in report.to_string().lines() {
            out.line(clean(line))?;
        }
    }
    Ok(code)
}

async fn examine(args: &CheckArgs, session: &Session, direction: Direction) -> Result<Report, Failure> {
    let mut doctor = Doctor::new(session).patience(args.patience);
    if let Some(address) = &args.send_to {
        doctor = doctor.send_to(address.clone());
    }
    tokio::select! {
        report = doctor.examine(direction) => Ok(report),
        () = interrupted() => Err(Failure::interrupted()),
    }
}

/// A session to examine, or the report on settings of which there can be none.
type Patient = Result<(Direction, Session), Box<Report>>;

/// The directions that were asked for, or else those that are set up.
fn patients(args: &CheckArgs) -> Result<Vec<Patient>, Failure> {
    let session = |direction| settings::session(&args.settings, direction);
    if let Some(way) = args.only {
        let direction = way.into();
        return Ok(vec![patient(direction, session(direction))?]);
    }
    let outgoing = session(Direction::Outgoing);
    let incoming = session(Direction::Incoming);
    let receives = !incoming.as_ref().is_err_and(is_not_chosen);
    let sends = !receives || args.send_to.is_some() || outgoing.as_ref().map_or(true, is_set_up);
    let mut patients = Vec::new();
    if sends {
        patients.push(patient(Direction::Outgoing, outgoing)?);
    }
    if receives {
        patients.push(patient(Direction::Incoming, incoming)?);
    }
    Ok(patients)
}

/// What is wrong with the settings is a finding; with the command line, an end.
fn patient(direction: Direction, session: Result<Session, Failure>) -> Result<Patient, Failure> {
    match session {
        Ok(session) => Ok(Ok((direction, session))),
        Err(failure) if failure.code == Code::Usage => Err(failure),
        Err(failure) => {
            let error = match failure.error {
                Some(error) => *error,
                None => Error::new(ErrorKind::Configuration, Phase::Configure, failure.message),
            };
            Ok(Err(Box::new(refused(direction, &error))))
        }
    }
}

fn is_not_chosen(failure: &Failure) -> bool {
    let key = format!("mail.{}", session_property::STORE_PROTOCOL.name());
    let property = failure.error.as_ref().and_then(|error| error.property());
    property.is_some_and(|(name, origin)| name == key && origin.is_none())
}

/// True if anybody said anything about sending.
fn is_set_up(session: &Session) -> bool {
    let Ok(name) = session.protocol(Direction::Outgoing) else { return true };
    let properties = session.properties();
    let mut keys = properties.layers().iter().flat_map(|layer| layer.keys());
    keys.any(|key| {
        let rest = key.strip_prefix("mail.").unwrap_or(key);
        let own = rest.split_once('.').is_some_and(|(prefix, _)| prefix == name || prefix == "transport");
        own || rest == "host"
    })
}

fn for_machines(report: &Report) -> Result<Value, Failure> {
    let fault = |e: serde_json::Error| Failure::new(Code::Software, format!("no JSON: {e}"));
    let mut value = serde_json::to_value(report).map_err(fault)?;
    if let Some(fields) = value.as_object_mut() {
        fields.insert("ok".into(), json!(report.is_ok()));
        fields.insert("corrections".into(), json!(report.corrections()));
    }
    Ok(value)
}

/// The code of the first step that failed.
fn outcome(report: &Report) -> Code {
    let failed = report.steps.iter().find(|step| step.status == Status::Failed);
    match failed.map(|step| step.name) {
        None => Code::Done,
        Some(StepName::Settings) => Code::Config,
        Some(StepName::Dns) => Code::NoHost,
        Some(StepName::Tcp) => Code::Connection,
        Some(StepName::Greeting | StepName::StartTls | StepName::Tls | StepName::Capabilities) => {
            Code::Protocol
        }
        Some(StepName::Mechanisms | StepName::SignIn) => Code::Authentication,
        Some(_) => Code::Refused,
    }
}
