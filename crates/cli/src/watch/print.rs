//! Lines of JSON on stdout, written by the task that has stdout.

use super::exec::marks;
use crate::headline::Head;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use postrider::{Answer, Arrival, Handler, HandlerError, async_trait};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

/// A line, and whom to tell when it is written.
pub(super) type Line = (Value, Option<oneshot::Sender<bool>>);

/// Prints each message. It is handled when its line is written.
pub(super) struct Print(pub(super) mpsc::UnboundedSender<Line>);

#[async_trait]
impl Handler for Print {
    async fn handle(&self, arrival: Arrival) -> Result<Answer, HandlerError> {
        let content = arrival.bytes()?;
        let mut head = Head::default();
        head.add(&content);
        let headline = head.headline();
        let marks = marks(arrival.marks());
        let line = json!({
            "id": arrival.id(),
            "key": arrival.key().id,
            "fingerprint": arrival.fingerprint().to_string(),
            "bytes": arrival.len(),
            "attempt": arrival.attempt(),
            "marks": marks.split_whitespace().collect::<Vec<_>>(),
            "from": headline.from,
            "subject": headline.subject,
            "date": headline.date,
            "message": BASE64_STANDARD.encode(&content),
        });
        let (written, is_written) = oneshot::channel();
        self.0.send((line, Some(written))).map_err(|_| "nobody reads on")?;
        match is_written.await {
            Ok(true) => Ok(Answer::Done),
            _ => Ok(Answer::Later),
        }
    }
}
