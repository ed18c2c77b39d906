//! One configuration of a session, whole and unchanging.

use crate::route::Blueprint;
use crate::{Inbox, MailerConfig};
use postrider_core::{
    Direction, Error, ErrorKind, Explained, Host, Phase, Properties, Property, Registry, Result,
    session_property,
};
use std::sync::Arc;

const HOST: Property<String> = Property::new("host", "").shared();
const PORT: Property<String> = Property::new("port", "");

/// Properties, the transports they choose from and the host these connect by.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) properties: Properties,
    pub(crate) registry: Arc<Registry>,
    pub(crate) host: Arc<dyn Host>,
}

impl Setup {
    /// How to send, checked as far as that goes without I/O.
    pub(crate) fn blueprint(&self) -> Result<Blueprint> {
        let name = self.protocol(Direction::Outgoing)?;
        let scope = self.registry.scope(Direction::Outgoing, &name, &self.properties)?;
        let config = MailerConfig::read(&self.properties, &scope)?;
        let text = |property: &Property<String>| {
            scope.read(property).ok().flatten().unwrap_or_default().to_lowercase()
        };
        let server = format!("{name} {}:{}", text(&HOST), text(&PORT));
        let (registry, properties) = (Arc::clone(&self.registry), self.properties.clone());
        let (host, lent) = (Arc::clone(&self.host), Arc::clone(&self.host));
        let make = {
            let name = name.clone();
            Arc::new(move || registry.outgoing(&name, &properties, Arc::clone(&lent)))
        };
        let blueprint = Blueprint { name, server, config, host, make };
        blueprint.check()?;
        Ok(blueprint)
    }

    pub(crate) fn inbox(&self) -> Result<Inbox> {
        let name = self.protocol(Direction::Incoming)?;
        Ok(Inbox::new(self.registry.incoming(&name, &self.properties, Arc::clone(&self.host))?))
    }

    pub(crate) fn protocol(&self, direction: Direction) -> Result<String> {
        let key = match direction {
            Direction::Incoming => &session_property::STORE_PROTOCOL,
            Direction::Outgoing => &session_property::TRANSPORT_PROTOCOL,
        };
        let full_key = format!("mail.{}", key.name());
        let Some(name) = self.properties.read(key)? else {
            return Err(self.not_chosen(direction, &full_key));
        };
        match self.registry.factory(direction, &name) {
            Ok(_) => Ok(name),
            Err(error) => Err(error.with_property(full_key, self.properties.origin(key))),
        }
    }

    fn not_chosen(&self, direction: Direction, key: &str) -> Error {
        let factories = self.registry.iter().map(|(f, _)| f).filter(|f| f.direction() == direction);
        let names: Vec<&str> = factories.flat_map(|f| f.names()).collect();
        let usual = names.iter().find(|name| ["imap", "smtp"].contains(name));
        let (there, advice) = match usual.or(names.first()) {
            Some(first) => {
                (format!("there are: {}", names.join(", ")), format!("set {key}, for example {key}={first}"))
            }
            None => (
                "none is linked".to_owned(),
                "enable a feature of the postrider crate, such as features = [\"smtp\", \"imap\"]".to_owned(),
            ),
        };
        let what = format!("no {direction} transport is chosen; {there}");
        Error::new(ErrorKind::Configuration, Phase::Configure, what)
            .with_property(key, None)
            .with_advice(advice)
    }

    pub(crate) fn explain(&self, direction: Option<Direction>) -> Result<Vec<Explained>> {
        Ok(match direction {
            Some(d) => self.registry.scope(d, &self.protocol(d)?, &self.properties)?.explain(),
            None => self.properties.explain(),
        })
    }
}
