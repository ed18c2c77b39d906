//! The transcript of `mail.debug` is what went over the wire, also where a server says the same again and again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::log::logged;
use common::observer::observed;
use common::oracle::{Mode, batch, config};
use common::smtp;
use postrider_core::OutgoingTransport;
use postrider_testkit::run;

/// Ends its answers in ways that are no part of the line end.
fn answers(said: &str) -> String {
    if said.starts_with("EHLO") {
        return "250-odd\r\n250 PIPELINING\r\n".into();
    }
    let answer = |line: &str| match line.get(..4).unwrap_or(line) {
        "MAIL" => "250 sender \t\r\n",
        "RCPT" => "250 \r\n",
        "RSET" => "250 ok \r\n",
        "DATA" => "354 go\n",
        "." => "250 taken\x0c\r\n",
        _ => "",
    };
    said.lines().map(answer).collect()
}

#[test]
fn each_line_is_shown_as_it_came_however_often_it_came() {
    let (host, writes) = observed(answers);
    let (outcomes, log) = logged(|| {
        let mut config = config(Mode::Pipelining, 8);
        config.debug = true;
        let mut smtp = smtp(config, &host);
        let mut messages = batch(12);
        run(&host, smtp.send_all(&mut messages)).expect("hangs");
        messages.outcomes()
    });
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let shown = |who: &str| -> Vec<String> {
        log.lines().filter_map(|line| line.split_once(who)).map(|(_, said)| said.to_owned()).collect()
    };
    let all = writes.lock().unwrap().concat();
    let is_body = |line: &str| line == "." || (line.starts_with('m') && line.len() < 4);
    let told: Vec<&str> = all.lines().filter(|line| !is_body(line)).collect();
    assert_eq!(shown(" C: "), told);
    let heard = shown(" S: ");
    for (line, command) in [
        ("250 sender \\t", "MAIL"),
        ("250 ", "RCPT"),
        ("250 ok ", "RSET"),
        ("354 go", "DATA"),
        ("250 taken\\u{c}", "."),
    ] {
        let wanted = all.lines().filter(|said| said.split(' ').next() == Some(command)).count();
        assert!(wanted > 9, "{command}");
        assert_eq!(heard.iter().filter(|heard| *heard == line).count(), wanted, "{command}: {heard:?}");
    }
}
