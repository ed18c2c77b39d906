//! A token endpoint, written without the library that asks it.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use crate::support::{Authority, serve, serve_tls};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;

/// What it answers, and what it was asked.
#[derive(Clone)]
pub struct Endpoint {
    answers: Arc<Mutex<VecDeque<String>>>,
    asked: Arc<Mutex<Vec<String>>>,
    // A permit for each answer.
    gate: Arc<Semaphore>,
    // Done before each answer.
    before: Arc<dyn Fn(usize) + Send + Sync>,
}

impl Endpoint {
    /// Answers with these bytes, one after the other, the last one again and again.
    pub fn new<T: Into<String>>(answers: impl IntoIterator<Item = T>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into_iter().map(Into::into).collect())),
            asked: Arc::default(),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
            before: Arc::new(|_| {}),
        }
    }

    /// Answers only when [`open`](Self::open) is called.
    pub fn closed(mut self) -> Self {
        self.gate = Arc::new(Semaphore::new(0));
        self
    }

    pub fn before(mut self, work: impl Fn(usize) + Send + Sync + 'static) -> Self {
        self.before = Arc::new(work);
        self
    }

    pub fn open(&self) {
        self.gate.add_permits(1);
    }

    /// The requests so far, heads and bodies.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub async fn serve_clear(&self) -> u16 {
        let endpoint = self.clone();
        serve(move |tcp| {
            let endpoint = endpoint.clone();
            async move { endpoint.talk(tcp).await }
        })
        .await
    }

    pub async fn serve_tls(&self, authority: &Authority) -> u16 {
        let config = authority.issue(&["localhost"]).server(&[&crate::support::TLS13], None);
        let endpoint = self.clone();
        serve_tls(config, move |tls| {
            let endpoint = endpoint.clone();
            async move { endpoint.talk(tls).await }
        })
        .await
    }

    async fn talk(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut request = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&request).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.to_lowercase().split_once("content-length: ").and_then(|(_, rest)| {
                    rest.split("\r\n").next().and_then(|number| number.parse::<usize>().ok())
                });
                if body.len() >= length.unwrap_or(0) {
                    break;
                }
            }
            if stream.read_buf(&mut request).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let number = {
            let mut asked = self.asked.lock().unwrap();
            asked.push(String::from_utf8(request).unwrap());
            asked.len()
        };
        self.gate.acquire().await.unwrap().forget();
        (self.before)(number);
        let answer = {
            let mut answers = self.answers.lock().unwrap();
            if answers.len() > 1 { answers.pop_front().unwrap() } else { answers[0].clone() }
        };
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}

/// A response of this status with this JSON.
pub fn response(status: u16, json: &str) -> String {
    let length = json.len();
    format!("HTTP/1.1 {status} x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{json}")
}

/// An access token that lives for an hour, and perhaps a refresh token.
pub fn token(access: &str, refresh: Option<&str>) -> String {
    let more = refresh.map(|r| format!(r#","refresh_token":"{r}""#)).unwrap_or_default();
    response(200, &format!(r#"{{"access_token":"{access}","token_type":"Bearer","expires_in":3600{more}}}"#))
}
