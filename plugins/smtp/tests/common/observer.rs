//! A script that answers by a closure and remembers what it got in which pieces.

use postrider_testkit::{Ending, Script, VirtualHost};
use std::sync::{Arc, Mutex};

/// What arrived, one entry for each write of the client.
pub(crate) type Writes = Arc<Mutex<Vec<String>>>;

/// Answers a piece of what the client sent.
pub(crate) type Answer = fn(&str) -> String;

struct Observer {
    writes: Writes,
    answer: Answer,
    ending: Ending,
}

/// A host whose server answers each write by `answer`. A text that ends in `CUT` or `RESET` ends the
/// connection behind it.
pub(crate) fn observed(answer: Answer) -> (VirtualHost, Writes) {
    let writes = Writes::default();
    let seen = Arc::clone(&writes);
    let make = move || -> Box<dyn Script> {
        Box::new(Observer { writes: Arc::clone(&seen), answer, ending: Ending::Open })
    };
    (VirtualHost::serve(make), writes)
}

impl Script for Observer {
    fn greet(&mut self) -> Vec<u8> {
        b"220 seen\r\n".to_vec()
    }

    fn receive(&mut self, bytes: &[u8]) -> Vec<u8> {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let answer = (self.answer)(&text);
        self.writes.lock().unwrap().push(text);
        let mut answer = answer.as_str();
        for (mark, ending) in [("CUT", Ending::Closed), ("RESET", Ending::Reset)] {
            if let Some(rest) = answer.strip_suffix(mark) {
                (answer, self.ending) = (rest, ending);
            }
        }
        answer.as_bytes().to_vec()
    }

    fn ending(&self) -> Ending {
        self.ending
    }
}
