//! The two ways to send a bearer token, and what a server says to a stale one.

/// Gmail's words, decoded.
pub(crate) const GMAIL_ERROR: &str =
    r#"{"status":"400","schemes":"Bearer","scope":"https://mail.google.com/"}"#;
/// RFC 7628 §3.2.2.
pub(crate) const BEARER_ERROR: &str = r#"{"status":"invalid_token","scope":"https://mail.google.com/"}"#;

/// `user=NAME ^A auth=Bearer TOKEN ^A ^A`: the name and the token.
pub(crate) fn xoauth2(response: &[u8]) -> Option<(String, Vec<u8>)> {
    let fields = fields(response.strip_suffix(b"\x01\x01")?);
    Some((text(field(&fields, b"user=")?)?, bearer_token(&fields)?))
}

/// `n,a=NAME, ^A host=… ^A port=… ^A auth=Bearer TOKEN ^A ^A` (RFC 7628 §3.1): the name and the token.
pub(crate) fn bearer(response: &[u8]) -> Option<(String, Vec<u8>)> {
    let fields = fields(response.strip_suffix(b"\x01\x01")?);
    let header = text(fields.first()?)?;
    let name = header.strip_prefix("n,a=").or(header.strip_prefix("y,a="))?.strip_suffix(',')?;
    Some((name.replace("=2C", ",").replace("=3D", "="), bearer_token(&fields)?))
}

fn fields(response: &[u8]) -> Vec<&[u8]> {
    response.split(|&b| b == 1).collect()
}

fn field<'a>(fields: &[&'a [u8]], name: &[u8]) -> Option<&'a [u8]> {
    fields.iter().find_map(|f| f.strip_prefix(name))
}

fn bearer_token(fields: &[&[u8]]) -> Option<Vec<u8>> {
    let auth = field(fields, b"auth=")?;
    let (scheme, token) = auth.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.to_vec())
}

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}
