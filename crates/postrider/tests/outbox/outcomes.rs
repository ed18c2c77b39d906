//! Every outcome, and what a worker makes of it.

use crate::post::*;
use postrider::outbox::{Backoff, Order, State, Unsure};
use postrider::{ErrorKind, Phase, Verdict};
use std::time::Duration;

#[test]
fn a_deferred_message_is_tried_at_growing_intervals_until_it_is_accepted() {
    let office = Office::new(|_, _, n| match n {
        0..5 => Answer::After(ErrorKind::Deferred, Phase::EndOfData),
        _ => Answer::Yes,
    });
    let backoff = config(|c| {
        c.backoff.first = MINUTE;
        c.backoff.factor = 2;
        c.backoff.longest = MINUTE * 5;
    });
    let id = office.put(&["a@x.example"]);
    office.work(&office.outbox(&backoff, vec![office.way("main")]), HOUR);
    let at: Vec<Duration> = office.given().iter().map(|g| g.at).collect();
    let waits: Vec<Duration> = at.windows(2).map(|w| w[1] - w[0]).collect();
    for (wait, plain) in waits.iter().zip([1, 2, 4, 5, 5].map(|m| MINUTE * m)) {
        assert!(*wait >= plain * 8 / 10 && *wait <= plain * 12 / 10 + SECOND, "{waits:?}");
    }
    assert_eq!(office.states(id), [State::Accepted]);
    assert_eq!(office.told(), [vec![State::Deferred; 5], vec![State::Accepted]].concat());
}

#[test]
fn what_is_deferred_for_too_long_expires_and_is_not_tried_again() {
    let office = Office::new(|_, _, _| Answer::After(ErrorKind::Deferred, Phase::EndOfData));
    let id = office.put(&["a@x.example"]);
    let outbox = office.outbox(&config(|c| c.expire = HOUR), vec![office.way("main")]);
    office.work(&outbox, HOUR * 5);
    assert_eq!(office.states(id), [State::Expired]);
    assert_eq!(office.told().last(), Some(&State::Expired));
    let last = office.given().last().unwrap().at;
    assert!(last <= HOUR, "{last:?}");
}

#[test]
fn each_outcome_at_each_position_leads_where_it_must() {
    let kinds = [
        (Verdict::Accepted(reply("250")), State::Accepted),
        (Verdict::Refused(reply("550")), State::Rejected),
        (Verdict::Deferred(reply("450")), State::Deferred),
        (Verdict::Unsure, State::Unsure),
        (Verdict::Suppressed("rule".into()), State::Rejected),
    ];
    for position in 0..3 {
        for (verdict, state) in &kinds {
            let mut verdicts = vec![Verdict::Accepted(reply("250")); 3];
            verdicts[position] = verdict.clone();
            let office = Office::new(move |_, _, _| Answer::Each(verdicts.clone()));
            let id = office.put(&["a@x.example", "b@x.example", "c@y.example"]);
            office.work(&office.outbox(&config(|_| {}), vec![office.way("main")]), SECOND);
            let mut want = vec![State::Accepted; 3];
            want[position] = *state;
            assert_eq!(office.states(id), want);
            assert_eq!(office.told().len(), 3);
        }
    }
}

#[test]
fn a_whole_message_that_fails_ends_as_its_error_says() {
    use ErrorKind::*;
    let cases = [
        (Answer::After(Rejected, Phase::EndOfData), State::Rejected),
        (Answer::After(Deferred, Phase::EndOfData), State::Deferred),
        (Answer::After(Unsure, Phase::EndOfData), State::Unsure),
        (Answer::After(Closed, Phase::Data), State::Deferred),
        (Answer::After(Plugin, Phase::Configure), State::Unsure),
        (Answer::Before(Connect, Phase::Connect), State::Deferred),
        (Answer::Before(Authentication, Phase::Authenticate), State::Deferred),
        (Answer::Before(Rejected, Phase::Sender), State::Rejected),
        (Answer::Before(Plugin, Phase::Configure), State::Deferred),
        (Answer::Before(InvalidInput, Phase::Configure), State::Rejected),
    ];
    for (answer, state) in cases {
        let office = Office::new({
            let answer = answer.clone();
            move |_, _, _| answer.clone()
        });
        let id = office.put(&["a@x.example", "b@x.example"]);
        office.work(&office.outbox(&config(|_| {}), vec![office.way("main")]), SECOND);
        assert_eq!(office.states(id), [state; 2], "{answer:?}");
        assert_eq!(office.given().len(), 1, "{answer:?}");
    }
}

#[test]
fn one_refused_recipient_holds_nobody_else_up() {
    let office = Office::new(|_, envelope, _| match envelope.to.len() {
        3 => {
            let verdicts = vec![Verdict::NotSent, Verdict::Refused(reply("550")), Verdict::NotSent];
            Answer::Failed(ErrorKind::Rejected, Phase::Recipient, verdicts)
        }
        _ => Answer::Yes,
    });
    let id = office.put(&["a@x.example", "b@x.example", "c@x.example"]);
    office.work(&office.outbox(&config(|_| {}), vec![office.way("main")]), SECOND * 5);
    assert_eq!(office.states(id), [State::Accepted, State::Rejected, State::Accepted]);
    assert_eq!(office.given()[1].to, ["a@x.example", "c@x.example"]);
}

#[test]
fn a_message_in_doubt_is_never_sent_again_by_itself_whatever_accounts_there_are() {
    for order in [Order::Failover, Order::RoundRobin] {
        let office = Office::new(|_, _, _| Answer::After(ErrorKind::Unsure, Phase::EndOfData));
        let ids: Vec<_> = (0..10).map(|_| office.put(&["a@x.example"])).collect();
        let ways = vec![office.way("one"), office.way("two")];
        office.work(&office.outbox(&config(|c| c.order = order), ways), HOUR * 24);
        assert_eq!(office.given().len(), 10);
        assert!(ids.iter().all(|id| office.states(*id) == [State::Unsure]));
        assert_eq!(office.told(), [State::Unsure; 10]);
    }
}

#[test]
fn a_doubt_is_decided_where_the_settings_say_so() {
    for (unsure, sends, told) in [
        (Unsure::Repeat, 2, vec![State::Unsure, State::Queued, State::Accepted]),
        (Unsure::Sent, 1, vec![State::Unsure, State::Accepted]),
    ] {
        let office = Office::new(|_, _, n| match n {
            0 => Answer::After(ErrorKind::Unsure, Phase::EndOfData),
            _ => Answer::Yes,
        });
        let id = office.put(&["a@x.example"]);
        office.work(&office.outbox(&config(|c| c.unsure = unsure), vec![office.way("main")]), HOUR);
        assert_eq!(
            (office.given().len(), office.told(), office.states(id)),
            (sends, told, vec![State::Accepted])
        );
    }
}

#[test]
fn what_one_account_can_not_send_the_next_one_does_and_the_first_has_its_rest() {
    let office = Office::new(|account, _, _| match account {
        "one" => Answer::Before(ErrorKind::Connect, Phase::Connect),
        _ => Answer::Yes,
    });
    let ways = vec![office.way("one"), office.way("two")];
    let outbox = office.outbox(&config(|c| c.in_flight = 1), ways);
    let ids: Vec<_> = (0..20).map(|_| office.put(&["a@x.example"])).collect();
    office.work(&outbox, SECOND * 10);
    assert!(ids.iter().all(|id| office.states(*id) == [State::Accepted]));
    let by = |name: &str| office.given().iter().filter(|g| g.account == name).count();
    assert_eq!((by("one"), by("two")), (1, 20));
    // It is tried again when it has had its rest.
    office.work(&outbox, HOUR);
    office.put(&["a@x.example"]);
    office.work(&outbox, SECOND * 10);
    assert_eq!((by("one"), by("two")), (2, 21));
}

#[test]
fn a_recipient_that_was_refused_by_one_account_does_not_go_to_the_next_with_the_others() {
    let office = Office::new(|account, _, _| match account {
        "one" => {
            let verdicts = vec![Verdict::Refused(reply("550")), Verdict::NotSent];
            Answer::Failed(ErrorKind::Closed, Phase::Data, verdicts)
        }
        _ => Answer::Yes,
    });
    let id = office.put(&["a@x.example", "b@x.example"]);
    office.work(&office.outbox(&config(|_| {}), vec![office.way("one"), office.way("two")]), SECOND);
    assert_eq!(office.states(id), [State::Rejected, State::Accepted]);
    assert_eq!(office.given()[1].to, ["b@x.example"]);
}

#[test]
fn round_robin_gives_each_account_its_share() {
    let office = Office::new(|_, _, _| Answer::Yes);
    for _ in 0..30 {
        office.put(&["a@x.example"]);
    }
    let ways = vec![office.way("one"), office.way("two"), office.way("three")];
    office.work(&office.outbox(&config(|c| c.order = Order::RoundRobin), ways), MINUTE);
    for name in ["one", "two", "three"] {
        assert_eq!(office.given().iter().filter(|g| g.account == name).count(), 10, "{name}");
    }
}

#[test]
fn while_no_account_works_nothing_is_tried_in_vain_and_all_goes_when_one_does() {
    let office = Office::new(|_, _, n| match n {
        0..4 => Answer::Before(ErrorKind::Connect, Phase::Connect),
        _ => Answer::Yes,
    });
    let ids: Vec<_> = (0..200).map(|_| office.put(&["a@x.example"])).collect();
    let quick = config(|c| {
        c.in_flight = 2;
        c.backoff = Backoff::default();
    });
    office.work(&office.outbox(&quick, vec![office.way("main")]), HOUR);
    assert!(ids.iter().all(|id| office.states(*id) == [State::Accepted]));
    assert_eq!(office.given().len(), 204);
}
