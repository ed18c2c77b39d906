//! Random messages: what goes in, and what must come out.

use super::model_memory::Dice;
use postrider_core::*;
use std::task::{Context, Poll};

/// A message of the model: what goes in, and what must come out.
pub(crate) struct Plan {
    pub(crate) to: Vec<String>,
    pub(crate) text: Vec<u8>,
    pub(crate) fails: bool,
}

impl Plan {
    pub(crate) fn roll(dice: &mut Dice, n: usize) -> Self {
        let to = (0..1 + dice.roll(4) * dice.roll(2)).map(|i| format!("r{n}-{i}@x")).collect();
        let words: [&[u8]; 12] = [
            b"\r\n",
            b"\n",
            b"\r",
            b".",
            b"..",
            b"\r\n.\r\n",
            b"\n.\n",
            b"\r.\r",
            b"MAIL FROM:<s77@x>\r\nRCPT TO:<evil@x>\r\nDATA\r\n",
            b"text",
            b"\r\n.\n",
            b"a longer line of text that goes on for a while",
        ];
        let long = [3, 3, 8, 20, 100][dice.roll(5)];
        let text = (0..dice.roll(long)).flat_map(|_| words[dice.roll(words.len())].to_vec()).collect();
        Self { to, text, fails: dice.one_in(8) }
    }

    /// The body as it must arrive: only CRLF ends a line, and the last line has one.
    pub(crate) fn arrives(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut bytes = self.text.iter().copied().peekable();
        while let Some(b) = bytes.next() {
            match b {
                b'\r' => {
                    bytes.next_if_eq(&b'\n');
                    out.extend_from_slice(b"\r\n");
                }
                b'\n' => out.extend_from_slice(b"\r\n"),
                b => out.push(b),
            }
        }
        if !out.is_empty() && !out.ends_with(b"\r\n") {
            out.extend_from_slice(b"\r\n");
        }
        out
    }

    fn message(&self, dice: &mut Dice, n: usize) -> (Envelope, Body<'static>) {
        let envelope = Envelope::parse(Some(&format!("s{n}@x")), self.to.iter().map(String::as_str)).unwrap();
        if !self.fails && dice.one_in(2) {
            return (envelope, self.text.clone().into());
        }
        if self.fails && dice.one_in(2) {
            // Announced wrongly.
            return (envelope, Body::from_bytes(self.text.clone()).with_size(self.text.len() as u64 + 1));
        }
        let (text, fails) = (bytes::Bytes::from(self.text.clone()), self.fails);
        let dice = dice.clone();
        let body = Body::generate((text, dice), move |(mut text, mut dice)| async move {
            if dice.one_in(3) {
                later().await;
            }
            if text.is_empty() {
                let failed = Error::new(ErrorKind::Body, Phase::Data, "the model's body fails");
                return if fails { Err(failed) } else { Ok(None) };
            }
            let piece = text.split_to(1 + dice.roll(text.len().min(50)));
            Ok(Some((piece, (text, dice))))
        });
        (envelope, body)
    }
}

/// Is pending once.
async fn later() {
    let mut asked = false;
    std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut asked, true) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Gives its messages when it likes, and holds the transport to one outcome for each.
pub(crate) struct Drip<'p> {
    pub(crate) plans: &'p [Plan],
    pub(crate) dice: Dice,
    pub(crate) given: usize,
    pub(crate) outcomes: Vec<Option<Result<Receipt>>>,
}

impl Batch<'static> for Drip<'_> {
    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Envelope, Body<'static>)>> {
        if self.dice.one_in(4) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let n = self.given;
        let Some(plan) = self.plans.get(n) else { return Poll::Ready(None) };
        self.given += 1;
        self.outcomes.push(None);
        Poll::Ready(Some(plan.message(&mut self.dice, n)))
    }

    fn report(&mut self, index: usize, outcome: Result<Receipt>) {
        let before = self.outcomes[index].replace(outcome);
        assert!(before.is_none(), "message {index} has two outcomes: {before:?}");
    }
}
