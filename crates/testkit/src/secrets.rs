//! The oracle for secrets: they must not be there in any form.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Asserts that none of the secrets is in the text: raw, in base64 (at any alignment), hex or percent form.
///
/// # Panics
/// If one is.
pub fn assert_absent(text: &str, secrets: &[&str]) {
    for secret in secrets {
        for form in forms(secret) {
            assert!(!text.contains(&form), "the secret {secret:?} shows as {form:?} in: {text}");
        }
    }
}

/// True if the secret is in the text, in one of the forms that [`assert_absent`] looks for.
pub fn is_in(text: &str, secret: &str) -> bool {
    !secret.is_empty() && forms(secret).iter().any(|form| text.contains(form))
}

fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![secret.to_owned()];
    forms.push(secret.bytes().map(|b| format!("{b:02x}")).collect());
    forms.push(secret.bytes().map(|b| format!("%{b:02X}")).collect());
    for shift in 0..3 {
        // The characters of base64 that depend on the secret alone, whatever stands before and after it.
        let padded = [vec![0; shift], secret.as_bytes().to_vec()].concat();
        let whole = STANDARD.encode(&padded[..padded.len() / 3 * 3]);
        let skip = if shift == 0 { 0 } else { 4 };
        if whole.len() > skip + 4 {
            forms.push(whole[skip..].to_owned());
        }
    }
    forms
}
