//! Takes secrets out of text that other people wrote.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use postrider_core::{Reply, Secret};

/// Knows the secrets of a session and masks them where a server repeats them.
#[derive(Clone, Debug, Default)]
pub struct Redactor(Vec<Secret>);

impl Redactor {
    /// Masks this secret from now on, raw and in base64.
    pub fn add(&mut self, secret: &Secret) {
        if !secret.is_empty() {
            self.0.push(Secret::new(STANDARD.encode(secret.expose())));
            self.0.push(secret.clone());
        }
    }

    /// The text with every known secret replaced by `***`.
    pub fn clean(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose(), "***"))
    }

    /// A reply whose parts are masked.
    pub fn reply(&self, status: &str, code: Option<&str>, text: &str) -> Reply {
        Reply::new(self.clean(status), code.map(|c| self.clean(c)), &self.clean(text))
    }
}
