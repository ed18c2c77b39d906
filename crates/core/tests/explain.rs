//! What explain says is what a transport is given, whatever the layers.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use postrider_core::*;
use proptest::prelude::*;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

const HOST: Property<String> = Property::new("host", "Shared, no default.").shared();
const FOLDER: Property<String> = Property::new("folder", "Its own, with a default.").default("INBOX");
const STORE: Property<String> =
    Property::new("ssl.store", "Shared, with a default.").default("system").shared();
const PLAIN: Property<String> = Property::new("plain", "Its own, no default.");
const PASSWORD: Property<Secret> = Property::new("password", "A secret.");
const PIN: Property<Secret> = Property::new("pin", "A secret that its name does not give away.").shared();

thread_local! {
    /// What the transport made last was given, by name.
    static GIVEN: RefCell<BTreeMap<&'static str, Option<String>>> = const { RefCell::new(BTreeMap::new()) };
}

struct Drop;

#[async_trait]
impl OutgoingTransport for Drop {
    async fn send(&mut self, _: &Envelope, _: Body<'_>) -> Result<Receipt> {
        Err(Error::new(ErrorKind::Unsupported, Phase::Data, "nothing is sent here"))
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

struct NoHost;

#[async_trait]
impl Host for NoHost {
    async fn connect(&self, _: &Target) -> Result<Box<dyn Connection>> {
        Err(Error::new(ErrorKind::Connect, Phase::Connect, "there is no network here"))
    }
    fn sleep(&self, _: std::time::Duration) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(std::future::pending())
    }
    fn now(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

fn make(properties: &Properties, _: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    let mut given = BTreeMap::new();
    for property in [&HOST, &FOLDER, &STORE, &PLAIN] {
        given.insert(property.name(), properties.read(property)?);
    }
    for property in [&PASSWORD, &PIN] {
        given.insert(property.name(), properties.read(property)?.map(|secret| secret.expose().to_owned()));
    }
    GIVEN.with(|cell| cell.replace(given));
    Ok(Box::new(Drop))
}

const TABLE: &[PropertySpec] =
    &[HOST.spec(), FOLDER.spec(), STORE.spec(), PLAIN.spec(), PASSWORD.spec(), PIN.spec()];

static FACTORY: TransportFactory = TransportFactory::outgoing("x", &make)
    .aliases(&[Alias::new("xs", &[("mail.xs.folder", "alias"), ("mail.host", "alias")])])
    .prefixes(&["old"])
    .preset(&[("mail.x.ssl.store", "preset")])
    .properties(&[TABLE]);

const KINDS: [LayerKind; 7] = [
    LayerKind::System,
    LayerKind::Instance,
    LayerKind::Account,
    LayerKind::Environment,
    LayerKind::Host,
    LayerKind::Message,
    LayerKind::Overrides,
];
const KEYS: [&str; 18] = [
    "mail.host",
    "mail.x.host",
    "mail.xs.host",
    "mail.old.host",
    "mail.x.folder",
    "mail.xs.folder",
    "mail.folder",
    "mail.ssl.store",
    "mail.x.ssl.store",
    "mail.old.ssl.store",
    "mail.x.plain",
    "mail.xs.plain",
    "mail.plain",
    "mail.x.password",
    "mail.xs.password",
    "mail.password",
    "mail.pin",
    "mail.x.pin",
];

/// A layer's kind, and its values with what is locked.
type Plan = (usize, Vec<(usize, String, bool)>);

fn plan() -> impl Strategy<Value = Plan> {
    let text = prop_oneof!["", " ", "[a-c]{1,2}", " [a-c] ", "[a-c] "];
    (0..KINDS.len(), prop::collection::vec((0..KEYS.len(), text, prop::bool::weighted(0.15)), 0..7))
}

fn layer(number: usize, (kind, entries): &Plan) -> Layer {
    let mut layer = Layer::new(KINDS[*kind], format!("layer {number}"));
    for (at, (key, text, locked)) in entries.iter().enumerate() {
        layer.set_at(KEYS[*key], text.as_str(), format!("layer {number}:{at}"));
        if *locked {
            layer.lock(KEYS[*key]);
        }
    }
    layer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_winner_that_explain_names_is_what_the_transport_was_given(
        plans in prop::collection::vec(plan(), 0..5),
        alias in any::<bool>(),
    ) {
        let mut registry = Registry::empty();
        registry.add(&FACTORY, "here").unwrap();
        let name = if alias { "xs" } else { "x" };
        let layers: Vec<Layer> = plans.iter().enumerate().map(|(n, plan)| layer(n, plan)).collect();
        let properties = Properties::new(layers.iter().cloned());
        registry.outgoing(name, &properties, Arc::new(NoHost)).unwrap();
        let given = GIVEN.with(RefCell::take);
        let scope = registry.scope(Direction::Outgoing, name, &properties).unwrap();
        let rows = scope.explain();
        for spec in TABLE {
            let mut of_spec = rows.iter().filter(|row| row.property.is_some_and(|p| p.name == spec.name));
            let row = of_spec.next();
            prop_assert!(of_spec.next().is_none(), "{} is explained twice", spec.name);
            let given = given[spec.name].as_deref();
            let Some(row) = row else {
                prop_assert_eq!(given, None, "{} is not explained", spec.name);
                continue;
            };
            prop_assert!(row.read, "{} was read", row.key);
            if spec.is_secret() {
                prop_assert_eq!(row.value.as_str(), if given.is_some() { "***" } else { "" });
                // Where it stands is where its text stands.
                let text = row.origin.as_ref().and_then(|origin| text_at(&layers, &row.key, origin));
                prop_assert_eq!(text.filter(|t| !t.is_empty()), given.map(str::to_owned));
            } else {
                prop_assert_eq!(row.value.trim(), given.unwrap_or_default());
                if row.is_default() {
                    prop_assert_eq!(given, spec.default);
                } else if let Some(text) = row.origin.as_ref().and_then(|o| text_at(&layers, &row.key, o)) {
                    prop_assert_eq!(text.trim(), given.unwrap_or_default());
                }
            }
        }
        // Every value of every layer stands somewhere, once.
        for layer in &layers {
            for key in layer.keys() {
                let origin = Origin::new(layer.kind(), layer.position(key).unwrap());
                let as_winner = rows.iter().filter(|r| r.key == key && r.origin.as_ref() == Some(&origin));
                let as_beaten = rows.iter().flat_map(|r| &r.covered);
                let as_beaten = as_beaten.filter(|c| c.key == key && c.origin == origin);
                prop_assert_eq!(as_winner.count() + as_beaten.count(), 1, "{} at {}", key, origin);
            }
        }
        // Diagnosing panics at nothing, tells no secret and marks nothing as read.
        let fresh = Properties::new(layers.iter().cloned());
        let _ = registry.diagnose(&fresh, &[]);
        prop_assert!(fresh.explain().iter().all(|row| !row.read));
    }
}

/// The text at a position, for a plan says what it wrote there.
fn text_at(layers: &[Layer], key: &str, origin: &Origin) -> Option<String> {
    let layer =
        layers.iter().find(|l| l.position(key) == Some(&origin.position) && l.kind() == origin.kind)?;
    let view = Properties::new([layer.clone()]);
    // A secret of this name is read as it is, blanks and all.
    let name: &'static str = KEYS.iter().find(|k| **k == key)?.strip_prefix("mail.")?;
    view.read(&Property::<Secret>::new(name, "")).unwrap().map(|secret| secret.expose().to_owned())
}
