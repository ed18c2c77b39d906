//! Access tokens by refresh token: one request for everybody, rotation that is never lost, refusals told apart.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

#[path = "support/endpoint.rs"]
mod endpoint;
mod support;

use endpoint::{Endpoint, response, token};
use postrider_core::{Credential, ErrorKind, Host, Phase, SecretRef, TokenGrant};
use postrider_net::TokioHost;
use std::path::Path;
use std::time::Duration;
use support::*;
use tokio::task::JoinSet;

const REFRESH: &str = "r3fresh+t/1";

fn grant(port: u16, refresh: impl Into<Credential>) -> TokenGrant {
    TokenGrant::new(&format!("http://127.0.0.1:{port}/token"), "me@client", refresh).unwrap()
}

fn file(path: &Path) -> Credential {
    SecretRef::File(path.to_owned()).into()
}

async fn get(host: &TokioHost, grant: &TokenGrant, refused: Option<&str>) -> postrider_core::Result<String> {
    let refused = refused.map(Into::into);
    host.access_token(grant, refused.as_ref()).await.map(|token| token.expose().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_connections_at_a_time_ask_once_and_again_once_if_the_token_is_refused() {
    let authority = Authority::new("test");
    let endpoint = Endpoint::new([token("t1", None), token("t2", None)]);
    let port = endpoint.serve_tls(&authority).await;
    let mut grant =
        TokenGrant::new(&format!("https://localhost:{port}/t?x=1"), "me@client", REFRESH).unwrap();
    grant.client_secret = Some("s3cret".into());
    grant.scope = Some("a b".into());
    let host = authority.host();
    for (refused, want) in [(None, "t1"), (Some("t1"), "t2"), (None, "t2"), (Some("t1"), "t2")] {
        let mut all = JoinSet::new();
        for _ in 0..50 {
            let (host, grant) = (host.clone(), grant.clone());
            all.spawn(async move { get(&host, &grant, refused).await.unwrap() });
        }
        assert!(all.join_all().await.iter().all(|token| token == want), "{refused:?}");
    }
    let asked = endpoint.asked();
    assert_eq!(asked.len(), 2);
    let (head, body) = asked[0].split_once("\r\n\r\n").unwrap();
    let head = head.to_lowercase();
    assert!(head.starts_with("post /t?x=1 http/1.1\r\n"), "{head}");
    assert!(head.contains(&format!("host: localhost:{port}\r\n")), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded"), "{head}");
    assert_eq!(
        body,
        "grant_type=refresh_token&refresh_token=r3fresh%2Bt%2F1&client_id=me%40client&client_secret=s3cret&scope=a%20b"
    );
}

#[tokio::test]
async fn a_token_is_kept_until_a_minute_before_it_expires_or_a_quarter_of_a_short_life() {
    for (life, good) in [(3600, 3539), (100, 74)] {
        let answer = |t: &str| response(200, &format!(r#"{{"access_token":"{t}","expires_in":{life}}}"#));
        let endpoint = Endpoint::new([answer("t1"), answer("t2")]);
        let grant = grant(endpoint.serve_clear().await, REFRESH);
        let host = TokioHost::new();
        assert_eq!(get(&host, &grant, None).await.unwrap(), "t1");
        tokio::time::pause();
        // The request itself took less than a second.
        tokio::time::advance(Duration::from_secs(good - 1)).await;
        assert_eq!(get(&host, &grant, None).await.unwrap(), "t1");
        tokio::time::advance(Duration::from_secs(2)).await;
        tokio::time::resume();
        assert_eq!(get(&host, &grant, None).await.unwrap(), "t2");
        assert_eq!(endpoint.asked().len(), 2);
    }
}

#[tokio::test]
async fn a_new_refresh_token_is_in_its_file_when_the_access_token_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "refresh", "r1\n");
    let endpoint = Endpoint::new([token("t1", Some("r2")), token("t2", Some("r3")), token("t3", Some("r3"))]);
    let grant = grant(endpoint.serve_clear().await, file(&path));
    let host = TokioHost::new();
    for (refused, want, kept) in
        [(None, "t1", "r2\n"), (Some("t1"), "t2", "r3\n"), (Some("t2"), "t3", "r3\n")]
    {
        assert_eq!(get(&host, &grant, refused).await.unwrap(), want);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), kept);
    }
    // Another program, or this one after a restart.
    assert_eq!(get(&TokioHost::new(), &grant, None).await.unwrap(), "t3");
    for (request, used) in endpoint.asked().iter().zip(["r1", "r2", "r3", "r3"]) {
        assert!(request.contains(&format!("&refresh_token={used}&")), "{request}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_refresh_token_that_can_t_be_saved_is_kept_and_its_access_token_not_used_before_it_is() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    // So long a name that there is no room for a new one's beside it.
    let long = write(folder.path(), &"r".repeat(250), "r1\n");
    let path = folder.path().join("refresh");
    symlink(&long, &path).unwrap();
    let endpoint = Endpoint::new([token("t1", Some("n3wrefresh"))]);
    let grant = grant(endpoint.serve_clear().await, file(&path));
    let host = TokioHost::new();
    for _ in 0..2 {
        let error = get(&host, &grant, None).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (ErrorKind::Configuration, Phase::Authenticate));
        assert_eq!(error.property().unwrap().0, "oauth.refreshtoken");
        says(&error, &["can't be saved", "kept in memory"]);
        assert!(!format!("{error} {error:?}").contains("n3wrefresh"));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "r1\n");
    }
    std::fs::remove_file(&path).unwrap();
    symlink(write(folder.path(), "short", "r1\n"), &path).unwrap();
    assert_eq!(get(&host, &grant, None).await.unwrap(), "t1");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "n3wrefresh\n");
    assert_eq!(endpoint.asked().len(), 1, "the new one was not spent on a second request");
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_lose_the_new_refresh_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "refresh", "r1\n");
    let endpoint = Endpoint::new([token("t1", Some("r2"))]).closed();
    let grant = grant(endpoint.serve_clear().await, file(&path));
    let host = TokioHost::new();
    let first = tokio::spawn({
        let (host, grant) = (host.clone(), grant.clone());
        async move { get(&host, &grant, None).await }
    });
    while endpoint.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    endpoint.open();
    assert_eq!(get(&host, &grant, None).await.unwrap(), "t1");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "r2\n");
    assert_eq!(endpoint.asked().len(), 1);
}

#[tokio::test]
async fn a_rotated_token_that_has_no_file_is_used_while_the_program_runs() {
    let endpoint = Endpoint::new([token("t1", Some("r2")), token("t2", None)]);
    let grant = grant(endpoint.serve_clear().await, "r1");
    let host = TokioHost::new();
    for (refused, want) in [(None, "t1"), (Some("t1"), "t2"), (Some("t2"), "t2")] {
        assert_eq!(get(&host, &grant, refused).await.unwrap(), want);
    }
    let asked = endpoint.asked();
    for (request, token) in asked.iter().zip(["r1", "r2", "r2"]) {
        assert!(request.contains(&format!("&refresh_token={token}&")), "{request}");
    }
    assert_eq!(asked.len(), 3);
}

#[tokio::test]
async fn a_refusal_is_asked_about_once_more_only_if_the_refresh_token_was_changed_meanwhile() {
    let refusal = || response(400, r#"{"error":"invalid_grant","error_description":"r1 is revoked"}"#);
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "refresh", "r1-old\n");
    let endpoint = Endpoint::new([refusal()]);
    let grant_ = grant(endpoint.serve_clear().await, file(&path));
    let error = get(&TokioHost::new(), &grant_, None).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Authentication, Phase::Authenticate));
    says(&error, &["invalid_grant", "is revoked", "sign in at the provider anew"]);
    assert_eq!(endpoint.asked().len(), 1);

    let other = path.clone();
    let endpoint = Endpoint::new([refusal(), token("t1", None)]).before(move |number| {
        if number == 1 {
            std::fs::write(&other, "r2-new\n").unwrap()
        }
    });
    let grant = grant(endpoint.serve_clear().await, file(&path));
    assert_eq!(get(&TokioHost::new(), &grant, None).await.unwrap(), "t1");
    assert!(endpoint.asked()[1].contains("refresh_token=r2-new"));
}

#[tokio::test]
async fn a_failure_is_shared_by_those_who_wait_and_asked_about_anew_by_who_comes_later() {
    let endpoint = Endpoint::new([response(503, "{}"), token("t1", None)]).closed();
    let grant = grant(endpoint.serve_clear().await, REFRESH);
    let host = TokioHost::new();
    let mut all = JoinSet::new();
    for _ in 0..10 {
        let (host, grant) = (host.clone(), grant.clone());
        all.spawn(async move { get(&host, &grant, None).await.unwrap_err().kind() });
    }
    while endpoint.asked().is_empty() {
        tokio::task::yield_now().await;
    }
    endpoint.open();
    assert!(all.join_all().await.iter().all(|kind| *kind == ErrorKind::Deferred));
    endpoint.open();
    assert_eq!(get(&host, &grant, None).await.unwrap(), "t1");
    assert_eq!(endpoint.asked().len(), 2);
}

#[tokio::test]
async fn whatever_an_endpoint_answers_is_an_error_in_the_phase_of_authentication_without_a_secret() {
    let endless = format!("HTTP/1.1 200 x\r\nContent-Type: text/html\r\n\r\n{}", "x".repeat(100_000));
    for (answer, kind, part) in [
        (endless.as_str(), ErrorKind::Limit, "65536 bytes"),
        ("220 mail.example ESMTP\r\n", ErrorKind::Protocol, "HTTP/1.1"),
        ("", ErrorKind::Closed, "broke off"),
        ("HTTP/1.1 200 x\r\nContent-Length: 100\r\n\r\n{", ErrorKind::Closed, "broke off"),
        (
            "HTTP/1.1 302 x\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n",
            ErrorKind::Configuration,
            "another place",
        ),
    ] {
        let endpoint = Endpoint::new([answer]);
        let grant = grant(endpoint.serve_clear().await, REFRESH);
        let error = get(&TokioHost::new(), &grant, None).await.unwrap_err();
        assert_eq!((error.kind(), error.phase()), (kind, Phase::Authenticate), "{error}");
        says(&error, &[part]);
        assert!(!format!("{error} {error:?} {grant:?}").contains("r3fresh"), "{error:?}");
        assert_eq!(endpoint.asked().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_does_not_answer_is_given_up() {
    let endpoint = Endpoint::new([token("t1", None)]).closed();
    let grant = grant(endpoint.serve_clear().await, REFRESH);
    let error = get(&TokioHost::new(), &grant, None).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Timeout, Phase::Authenticate), "{error}");
}

#[tokio::test]
async fn a_certificate_that_the_host_does_not_trust_is_refused_before_anything_is_sent() {
    let endpoint = Endpoint::new([token("t1", None)]);
    let port = endpoint.serve_tls(&Authority::new("other")).await;
    let grant = TokenGrant::new(&format!("https://localhost:{port}/t"), "id", REFRESH).unwrap();
    let error = get(&Authority::new("ours").host(), &grant, None).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::Tls, Phase::Authenticate), "{error}");
    assert!(endpoint.asked().is_empty());
}
