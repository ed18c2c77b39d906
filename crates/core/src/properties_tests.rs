use super::*;
use crate::{LayerKind, Secret};

const HOST: Property<String> = Property::new("host", "the server").shared();
const PORT: Property<u16> = Property::new("port", "the port").default("465");
const PASSWORD: Property<Secret> = Property::new("password", "the password");
const SPECS: &[PropertySpec] = &[HOST.spec(), PORT.spec(), PASSWORD.spec()];

fn stack(pairs: &[(LayerKind, &str, &str)]) -> Properties {
    let layers =
        pairs.iter().map(|(kind, key, value)| Layer::new(*kind, format!("{kind}")).with(*key, *value));
    Properties::new(layers).scoped(&["smtp", "smtps"], SPECS)
}

#[test]
fn the_highest_layer_wins_whole_whatever_the_order_they_came_in() {
    let p = stack(&[
        (LayerKind::Overrides, "mail.smtp.host", "top"),
        (LayerKind::System, "mail.smtp.host", "low"),
    ]);
    assert_eq!(p.require(&HOST).unwrap(), "top");
    assert_eq!(p.origin(&HOST).unwrap().kind, LayerKind::Overrides);
}

#[test]
fn a_transports_own_key_beats_the_shared_one_and_aliases_are_the_same_transport() {
    let p = stack(&[
        (LayerKind::Overrides, "mail.host", "shared"),
        (LayerKind::System, "mail.smtps.host", "own"),
    ]);
    assert_eq!(p.require(&HOST).unwrap(), "own");
    assert_eq!(stack(&[(LayerKind::System, "mail.host", "shared")]).require(&HOST).unwrap(), "shared");
    assert_eq!(stack(&[(LayerKind::System, "mail.port", "1")]).require(&PORT).unwrap(), 465);
}

#[test]
fn a_locked_key_stays_and_an_empty_text_means_unset() {
    let mut low = Layer::new(LayerKind::System, "system").with("mail.smtp.host", "locked");
    low.lock("mail.smtp.host");
    let high = Layer::new(LayerKind::Overrides, "box").with("mail.smtp.host", "other");
    assert_eq!(Properties::new([high, low]).scoped(&["smtp"], SPECS).require(&HOST).unwrap(), "locked");
    let mut low = Layer::new(LayerKind::System, "system").with("mail.host", "locked");
    low.lock("mail.host");
    for (kind, want) in [(LayerKind::Overrides, "locked"), (LayerKind::Preset, "own")] {
        let own = Layer::new(kind, "own").with("mail.smtp.host", "own");
        let p = Properties::new([own, low.clone()]).scoped(&["smtp"], SPECS);
        assert_eq!(p.require(&HOST).unwrap(), want, "{kind}");
    }
    let p =
        stack(&[(LayerKind::Overrides, "mail.smtp.host", " "), (LayerKind::System, "mail.smtp.host", "low")]);
    assert_eq!(p.read(&HOST).unwrap(), None);
}

#[test]
fn a_key_locked_for_all_transports_is_not_unlocked_by_locking_one_of_them_above() {
    let mut low = Layer::new(LayerKind::System, "system").with("mail.host", "locked");
    low.lock("mail.host");
    let mut high = Layer::new(LayerKind::Account, "account").with("mail.smtp.host", "other");
    high.lock("mail.smtp.host");
    let both = Properties::new([low, high]).scoped(&["smtp"], SPECS);
    assert_eq!(both.require(&HOST).unwrap(), "locked");
}

#[test]
fn bad_values_name_key_layer_and_expectation_and_secrets_are_not_repeated() {
    let error = stack(&[(LayerKind::Account, "mail.smtp.port", "abc")]).read(&PORT).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("mail.smtp.port") && text.contains("(account)") && text.contains("65535"),
        "{text}"
    );
    let error =
        stack(&[(LayerKind::Account, "mail.smtp.password", "hunter2\r\n")]).read(&PASSWORD).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    // Nor a login in a place that is for none.
    for host in ["http://me:hunter2@proxy:3128", "me:hunter2@proxy:3128"] {
        let p = stack(&[(LayerKind::Account, "mail.smtp.proxy.host", host)]);
        let error = crate::Proxy::read(&p).unwrap_err();
        assert!(error.message().contains("***@proxy:3128"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
    let p = stack(&[(LayerKind::Account, "mail.smtp.host", "smtp://me:hunter2@mail.example.org")]);
    let error = crate::Target::read(&p, crate::Ports::new(465, 587, 25)).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    assert!(stack(&[]).require(&HOST).unwrap_err().advice().unwrap().contains("mail.smtp.host"));
}
