//! Two transports that do what the property `mode` says: everything the contract allows, and some it does not.

mod incoming;
mod outgoing;

use postrider_core::{
    Alias, Capability, Credential, Error, ErrorKind, Host, LayerKind, Origin, Phase, Properties, Property,
    PropertySpec, RecipientOutcome, Repeat, Reply, Result, TransportFactory, Verdict,
};
use std::sync::Arc;

pub(crate) const MODE: Property<String> = Property::new("mode", "What to do.").default("plain");
pub(crate) const LEVEL: Property<u16> = Property::new("level", "A number.").default("5").since("0.7");
pub(crate) const PASSWORD: Property<Credential> = Property::new("password", "A secret.");
pub(crate) const HOST: Property<String> = Property::new("host", "A name.").shared();
const TABLE: &[PropertySpec] = &[MODE.spec(), LEVEL.spec()];
const SECOND: &[PropertySpec] = &[PASSWORD.spec(), HOST.spec()];

const OUT: TransportFactory = TransportFactory::outgoing("odd-out", &outgoing::make)
    .about("Odd, outgoing")
    .aliases(&[Alias::new("odd-alias", &[("mail.odd-out.mode", "properties")])])
    .prefixes(&["odd-shared"])
    .preset(&[("mail.odd-out.level", "6")])
    .capabilities(&[Capability::Recipients, Capability::Batch])
    .properties(&[TABLE, SECOND]);
const IN: TransportFactory =
    TransportFactory::incoming("odd-in", &incoming::make).about("Odd, incoming").properties(&[TABLE]);

postrider_abi::export_plugin!(OUT, IN);

pub(crate) struct Settings {
    pub(crate) mode: String,
    pub(crate) properties: Properties,
    pub(crate) host: Arc<dyn Host>,
}

pub(crate) fn settings(properties: &Properties, host: Arc<dyn Host>) -> Result<Settings> {
    let mode = properties.require(&MODE)?;
    match mode.as_str() {
        "panic-make" => panic!("in make"),
        "block-make" => block(),
        "exit-make" => std::process::exit(0),
        "error-make" => return Err(properties.fault(&LEVEL, "an odd one is expected")),
        _ => {}
    }
    Ok(Settings { mode, properties: properties.clone(), host })
}

/// Never comes back.
pub(crate) fn block() -> ! {
    loop {
        std::thread::sleep(std::time::Duration::from_secs(3_600));
    }
}

/// An error with everything an error can have.
pub(crate) fn full() -> Error {
    let reply = || Reply::new("451", Some("4.3.0".into()), "later\nplease");
    let address = |text| postrider_core::Address::new(text).unwrap();
    Error::new(ErrorKind::Deferred, Phase::Recipient, "not now")
        .with_repeat(Repeat::MayDuplicate)
        .with_advice("wait")
        .with_property("mail.odd-out.level", Some(Origin::new(LayerKind::Account, "form:3")))
        .with_reply(reply())
        .with_recipients(vec![
            RecipientOutcome::new(address("a@x.example"), Verdict::Deferred(reply())),
            RecipientOutcome::new(address("b@x.example"), Verdict::NotSent)
                .with_instead(address("c@x.example")),
        ])
        .with_source(std::io::Error::other("the cause"))
}

/// Says in the log when it is dropped.
pub(crate) struct Dropped(pub(crate) bool);

impl Drop for Dropped {
    fn drop(&mut self) {
        tracing::info!(target: "odd::drop", number = 7, "cancelled");
        if self.0 {
            panic!("in drop");
        }
    }
}
