//! Rates, and how many at a time.

use crate::post::*;
use postrider::outbox::{DomainRates, State};
use postrider::{ErrorKind, Phase};
use std::time::Duration;

/// The most that fall into any stretch of this length.
fn densest(times: &[Duration], stretch: Duration) -> usize {
    times
        .iter()
        .map(|from| times.iter().filter(|t| **t >= *from && **t < *from + stretch).count())
        .max()
        .unwrap_or(0)
}

#[test]
fn a_domain_gets_no_more_than_its_rate_and_no_other_waits_for_it() {
    let office = Office::new(|_, _, _| Answer::Yes);
    for _ in 0..20 {
        office.put(&["a@slow.example", "b@SLOW.example", "c@fast.example"]);
    }
    let limited = config(|c| c.domain_rates = DomainRates::parse(&["slow.example=3/10s".into()]).unwrap());
    office.work(&office.outbox(&limited, vec![office.way("main")]), MINUTE * 5);
    let times = |domain: &str| -> Vec<Duration> {
        let to = |g: &&Given| g.to.iter().any(|a| a.to_lowercase().ends_with(domain));
        office.given().iter().filter(to).map(|g| g.at).collect()
    };
    let (slow, fast) = (times("slow.example"), times("fast.example"));
    assert_eq!((slow.len(), fast.len()), (20, 20));
    assert!(densest(&slow, SECOND * 10) <= 3, "{slow:?}");
    assert!(*slow.last().unwrap() <= SECOND * 10 * 7, "and no slower than it has to be: {slow:?}");
    assert!(*fast.last().unwrap() <= SECOND, "{fast:?}");
    assert!(office.given().iter().filter(|g| g.to.len() == 2).all(|g| g.to[0].starts_with("a@")), "together");
    let events = office.told();
    assert!(
        events.len() == 60 && events.iter().all(|s| *s == State::Accepted),
        "to wait for a turn is no try"
    );
}

#[test]
fn an_account_sends_no_more_than_its_rate_and_another_helps_out() {
    for (accounts, sent_at_once) in [(1, 4), (2, 24)] {
        let office = Office::new(|_, _, _| Answer::Yes);
        for _ in 0..24 {
            office.put(&["a@x.example"]);
        }
        let mut ways = vec![office.way("one").with_rate("4/1m".parse().unwrap())];
        if accounts == 2 {
            ways.push(office.way("two"));
        }
        office.work(&office.outbox(&config(|_| {}), ways), MINUTE * 10);
        let all = office.given();
        let one: Vec<Duration> = all.iter().filter(|g| g.account == "one").map(|g| g.at).collect();
        assert!(densest(&one, MINUTE) <= 4, "{one:?}");
        assert_eq!(all.iter().filter(|g| g.at < MINUTE / 2).count(), sent_at_once);
        assert_eq!(all.len(), 24);
    }
}

#[test]
fn many_are_in_flight_at_a_time() {
    // Each takes a second; four connections.
    let office = Office::new(|_, _, _| Answer::Slow(SECOND));
    for _ in 0..40 {
        office.put(&["a@x.example"]);
    }
    office.work(&office.outbox(&config(|c| c.in_flight = 8), vec![office.way("main")]), MINUTE);
    let last = office.given().last().unwrap().at;
    assert!(office.given().len() == 40 && last <= SECOND * 15, "{last:?}");
}

#[test]
fn what_comes_in_is_noticed_at_once_and_what_others_put_in_at_the_next_look() {
    let office = Office::new(|_, _, _| Answer::Yes);
    let outbox = office.outbox(&config(|c| c.poll = HOUR), vec![office.way("main")]);
    let put = async {
        use postrider::Host;
        use postrider::outbox::Storage;
        office.host.sleep(MINUTE).await;
        outbox.enqueue(&letter(&["a@x.example"])).await.unwrap();
        office.host.sleep(MINUTE).await;
        office.storage.enqueue(&letter(&["b@x.example"])).await.unwrap();
        office.host.sleep(HOUR * 2).await;
    };
    postrider_testkit::run(&office.host, outbox.run(put)).unwrap().unwrap();
    let given = office.given();
    assert!(given[0].at < MINUTE + SECOND && given[0].to == ["a@x.example"], "{given:?}");
    assert!(given[1].at <= HOUR * 2 && given[1].to == ["b@x.example"], "{given:?}");
}

/// Who had a turn while the account was down comes late, and not all at once.
#[test]
fn turns_that_passed_while_an_account_was_down_are_not_used_together() {
    let office = Office::new(|_, _, n| match n {
        4..12 => Answer::Before(ErrorKind::Connect, Phase::Connect),
        _ => Answer::Yes,
    });
    let ids: Vec<_> = (0..40).map(|_| office.put(&["a@x.example"])).collect();
    let way = office.way("one").with_rate("4/1m".parse().unwrap());
    office.work(&office.outbox(&config(|_| {}), vec![way]), HOUR * 2);
    let sent: Vec<Duration> = office.given().iter().filter(|g| g.accepted).map(|g| g.at).collect();
    assert!(densest(&sent, MINUTE) <= 4, "{sent:?}");
    assert!(ids.iter().all(|id| office.states(*id) == [State::Accepted]));
}

/// Having waited for its turn at a domain, a message does not wait for another one because of the account.
#[test]
fn a_turn_at_a_domain_is_kept_while_the_account_has_none() {
    let office = Office::new(|_, _, _| Answer::Yes);
    for _ in 0..3 {
        office.put(&["a@slow.example"]);
        for n in 0..20 {
            office.put(&[&format!("{n}@x.example")]);
        }
    }
    let limited = config(|c| c.domain_rates = DomainRates::parse(&["slow.example=1/1h".into()]).unwrap());
    let way = office.way("one").with_rate("1/1m".parse().unwrap());
    office.work(&office.outbox(&limited, vec![way]), HOUR * 4);
    let slow: Vec<Duration> =
        office.given().iter().filter(|g| g.to == ["a@slow.example"]).map(|g| g.at).collect();
    assert!(slow.len() == 3 && slow[2] < HOUR * 3, "{slow:?}");
}
