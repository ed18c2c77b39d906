//! By properties alone: transports, rates, and what can't be.

use crate::post::*;
use postrider::outbox::State;
use postrider::{ErrorKind, Registry, Session};
use postrider_memory::Memory;
use postrider_testkit::run;
use std::sync::Arc;

fn session(office: &Office, text: &str) -> Session {
    let builder =
        Session::builder().registry(Registry::linked().unwrap()).host(Arc::new(office.host.clone()));
    builder.overrides(&format!("mail.send.allowreserved=true\n{text}")).unwrap().build().unwrap()
}

#[test]
fn a_session_sends_by_the_transports_and_at_the_rate_its_properties_name() {
    let office = Office::new(|_, _, _| unreachable!());
    let memory = Memory::named("outbox-session");
    let text = "mail.outbox.transports=memory\nmail.memory.name=outbox-session\nmail.outbox.rate=2/1m";
    let outbox = session(&office, text).outbox(office.storage.clone()).unwrap();
    let ids: Vec<_> = (0..3).map(|_| office.put(&["a@x.example"])).collect();
    office.work(&outbox, SECOND * 10);
    assert_eq!(memory.sent().len(), 2);
    assert!(memory.sent().iter().all(|sent| sent.message.starts_with(b"Message-ID: <")));
    office.work(&outbox, MINUTE * 2);
    assert_eq!(memory.sent().len(), 3);
    assert!(ids.iter().all(|id| office.states(*id) == [State::Accepted]));
}

#[test]
fn what_can_not_be_is_told_before_anything_is_claimed() {
    let office = Office::new(|_, _, _| unreachable!());
    for (text, word) in [
        ("mail.outbox.transports=pigeon", "pigeon"),
        ("mail.outbox.transports=memory\nmail.outbox.rate=many", "mail.outbox.rate"),
        ("mail.outbox.transports=memory\nmail.outbox.order=both", "mail.outbox.order"),
    ] {
        let error = session(&office, text).outbox(office.storage.clone()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.to_string().contains(word), "{error}");
    }
}

/// As docs/sending.md tells it.
#[test]
fn new_settings_reach_the_chosen_transport_and_not_the_named_ones() {
    for (transports, first, second) in [("", 1, 1), ("mail.outbox.transports=memory\n", 2, 0)] {
        let office = Office::new(|_, _, _| unreachable!());
        let names = [format!("old-{first}"), format!("new-{first}")];
        let memories = names.each_ref().map(|name| Memory::named(name));
        let text =
            |name: &str| format!("{transports}mail.transport.protocol=memory\nmail.memory.name={name}");
        let session = session(&office, &text(&names[0]));
        let outbox = session.outbox(office.storage.clone()).unwrap();
        office.put(&["a@x.example"]);
        office.work(&outbox, SECOND * 10);
        let settings = format!("mail.send.allowreserved=true\n{}", text(&names[1]));
        let settings = Session::builder().overrides(&settings).unwrap();
        run(&office.host, session.apply_untried(settings)).unwrap().unwrap();
        office.put(&["b@x.example"]);
        office.work(&outbox, SECOND * 10);
        assert_eq!(memories.each_ref().map(|memory| memory.sent().len()), [first, second], "{transports}");
    }
}
