use super::*;

#[test]
fn every_kind_says_whether_to_repeat_and_only_unsure_may_duplicate() {
    let repeat = |kind| Error::new(kind, Phase::Data, "x").repeat();
    assert_eq!(repeat(ErrorKind::Unsure), Repeat::MayDuplicate);
    assert_eq!(repeat(ErrorKind::Deferred), Repeat::Safe);
    assert_eq!(repeat(ErrorKind::Rejected), Repeat::Never);
    assert_eq!(repeat(ErrorKind::Authentication), Repeat::Never);
}

#[test]
fn an_error_survives_the_passage_through_io() {
    let io: std::io::Error = Error::new(ErrorKind::Limit, Phase::Fetch, "too long").into();
    let back = Error::from_io(io, Phase::Data);
    assert_eq!((back.kind(), back.phase()), (ErrorKind::Limit, Phase::Fetch));
}

#[test]
fn the_text_names_phase_reply_and_advice() {
    let error = Error::new(ErrorKind::Rejected, Phase::Recipient, "refused")
        .with_reply(Reply::new("550", Some("5.1.1".into()), "no\x1b such user"))
        .with_advice("check the address");
    assert_eq!(
        error.to_string(),
        "recipient: refused; the server said: 550 5.1.1 no\\u{1b} such user -> check the address"
    );
}
