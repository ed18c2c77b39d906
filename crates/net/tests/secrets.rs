//! Secrets that are kept elsewhere: each kind of place, and each way it can fail.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use postrider_core::*;
use postrider_net::{Keyring, TokioHost};
use std::sync::Arc;
use std::time::Duration;
use support::write;
use tokio::task::JoinSet;

fn reference(text: &str) -> SecretRef {
    SecretRef::parse(text).unwrap().unwrap()
}

async fn find(host: &TokioHost, text: &str) -> Result<String> {
    host.secret(&reference(text)).await.map(|secret| secret.expose().to_owned())
}

async fn fails(text: &str, kind: ErrorKind, part: &str) {
    let host = TokioHost::builder().secret_timeout(Duration::from_millis(50)).build().unwrap();
    let error = find(&host, text).await.unwrap_err();
    assert_eq!((error.kind(), error.phase()), (kind, Phase::Authenticate), "{text}: {error}");
    assert!(error.message().contains(part), "{text}: {error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn a_file_holds_one_line_with_or_without_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let host = TokioHost::new();
    for (text, want) in
        [("hunter2", "hunter2"), ("hunter2\n", "hunter2"), ("hunter2\r\n", "hunter2"), (" a b \n", " a b ")]
    {
        let path = write(folder.path(), "secret", text);
        assert_eq!(find(&host, &format!("file:{}", path.display())).await.unwrap(), want, "{text:?}");
    }
    let at = |name: &str| format!("file:{}", folder.path().join(name).display());
    for (text, part) in [
        ("", "empty"),
        ("\n", "empty"),
        ("hunter2\nurl: x\n", "more than one line"),
        ("a\0hunter2", "more than one line"),
    ] {
        write(folder.path(), "bad", text);
        fails(&at("bad"), ErrorKind::Configuration, part).await;
    }
    write(folder.path(), "bad", &"hunter2".repeat(10_000));
    fails(&at("bad"), ErrorKind::Configuration, "65536 bytes").await;
    std::fs::write(folder.path().join("bad"), b"hunter2\xff").unwrap();
    fails(&at("bad"), ErrorKind::Configuration, "UTF-8").await;
    fails(&at("missing"), ErrorKind::Configuration, "No such file").await;
    fails("file:/", ErrorKind::Configuration, "not a regular file").await;
    fails("file:/dev/zero", ErrorKind::Configuration, "not a regular file").await;
}

#[tokio::test]
async fn a_changed_file_is_read_anew() {
    let folder = tempfile::tempdir().unwrap();
    let host = TokioHost::new();
    for text in ["one", "two"] {
        let path = write(folder.path(), "secret", text);
        assert_eq!(find(&host, &format!("file:{}", path.display())).await.unwrap(), text);
    }
}

#[tokio::test]
async fn a_variable_is_looked_up() {
    // Set by cargo for its tests.
    assert_eq!(find(&TokioHost::new(), "env:CARGO_PKG_NAME").await.unwrap(), "postrider-net");
    fails("env:POSTRIDER_NO_SUCH_VARIABLE", ErrorKind::Configuration, "is not set").await;
}

#[tokio::test]
async fn a_command_prints_one_line_and_no_shell_reads_its_words() {
    let host = TokioHost::new();
    for (text, want) in [
        ("command:printf hunter2", "hunter2"),
        ("command:echo 'hunter 2'", "hunter 2"),
        ("command:echo $HOME;x", "$HOME;x"),
        ("command:sh -c 'echo hunter2; echo noise >&2'", "hunter2"),
        ("command:sh -c \"printf 'one\\ntwo\\n' | head -n 1\"", "one"),
    ] {
        assert_eq!(find(&host, text).await.unwrap(), want, "{text}");
    }
}

#[tokio::test]
async fn each_way_a_command_fails_is_told_without_its_words_and_arguments() {
    let (configuration, authentication) = (ErrorKind::Configuration, ErrorKind::Authentication);
    for (text, kind, part) in [
        ("command:sh -c 'echo hunter2; exit 3'", authentication, "exit status: 3"),
        ("command:sh -c 'echo hunter2; kill -9 $$'", authentication, "signal: 9"),
        ("command:sh -c 'echo hunter2 >&2; exit 1'", authentication, "exit status: 1"),
        ("command:true hunter2", configuration, "empty"),
        ("command:sh -c 'echo hunter2; echo url'", configuration, "more than one line"),
        ("command:printf 'hunter2\\377'", configuration, "UTF-8"),
        ("command:/no/such/program hunter2", configuration, "can't be started"),
        ("command:sh -c 'echo hunter2; sleep 600'", ErrorKind::Timeout, "0.05 s"),
        ("command:sh -c 'read x && echo hunter2'", authentication, "exit status: 1"),
    ] {
        fails(text, kind, part).await;
    }
    let error = find(&TokioHost::new(), "command:yes hunter2").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}

#[tokio::test]
async fn those_who_want_the_same_at_the_same_time_run_a_command_once() {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, count) = (folder.path().join("pipe"), folder.path().join("count"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // Ends when somebody writes into the pipe.
    let script = format!("echo x >> {}; read line < {}; echo hunter2", count.display(), pipe.display());
    let text = format!("command:sh -c '{script}'");
    let host = TokioHost::new();
    let mut all = JoinSet::new();
    for _ in 0..50 {
        let (host, text) = (host.clone(), text.clone());
        all.spawn(async move { find(&host, &text).await.unwrap() });
    }
    // On one thread all of them have begun when this goes on.
    tokio::task::yield_now().await;
    tokio::task::spawn_blocking(move || std::fs::write(pipe, "\n").unwrap()).await.unwrap();
    assert!(all.join_all().await.iter().all(|secret| secret == "hunter2"));
    assert_eq!(std::fs::read_to_string(count).unwrap(), "x\n");
}

struct Ring;

#[async_trait]
impl Keyring for Ring {
    async fn secret(&self, service: &str, user: &str) -> Result<Secret> {
        if service == "locked" {
            return Err(Error::new(ErrorKind::Authentication, Phase::Authenticate, "it is locked"));
        }
        Ok(format!("{service} {user}").into())
    }
}

#[tokio::test]
async fn a_keyring_is_the_host_apps_own_or_the_systems_program() {
    let host = TokioHost::builder().keyring(Ring).build().unwrap();
    assert_eq!(find(&host, "keyring:mail.example.org/me/you").await.unwrap(), "mail.example.org me/you");
    assert_eq!(find(&host, "keyring:locked/me").await.unwrap_err().message(), "it is locked");
    let system = TokioHost::builder().secret_timeout(Duration::from_secs(5)).build().unwrap();
    let error = find(&system, "keyring:postrider.invalid/nobody").await.unwrap_err();
    assert!(error.message().starts_with("the keyring gives no secret"), "{error}");
    assert!(error.advice().unwrap().contains("store it with"), "{error}");
}

#[tokio::test]
async fn a_host_app_can_forbid_references_to_those_who_write_its_settings() {
    let allowed = |reference: &SecretRef| matches!(reference, SecretRef::Environment(_));
    let host = TokioHost::builder().secret_filter(allowed).build().unwrap();
    assert!(find(&host, "env:CARGO_PKG_NAME").await.is_ok());
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    for text in
        [format!("command:touch {}", trace.display()), "file:/etc/passwd".into(), "keyring:a/b".into()]
    {
        let error = find(&host, &text).await.unwrap_err();
        assert!(
            error.kind() == ErrorKind::Configuration && error.message().contains("does not allow"),
            "{error}"
        );
    }
    assert!(!trace.exists());
    // A grant's secrets are looked up by the same rule.
    let grant = TokenGrant::new("http://127.0.0.1:9/t", "id", reference("file:/etc/passwd")).unwrap();
    let error = Arc::new(host).access_token(&grant, None).await.unwrap_err();
    assert!(error.message().contains("does not allow"), "{error}");
}
