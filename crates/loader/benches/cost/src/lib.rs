//! A transport that does as little as a transport can, so that what the boundary costs is seen.

use postrider_core::{
    Body, Envelope, Host, OutgoingTransport, Properties, Receipt, RecipientOutcome, Reply, Result,
    TransportFactory, Verdict, async_trait,
};
use std::sync::Arc;

/// The transport `cost`.
pub const FACTORY: TransportFactory =
    TransportFactory::outgoing("cost", &make).about("Accepts everything, reads it once");

postrider_abi::export_plugin!(FACTORY);

fn make(_: &Properties, _: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> {
    Ok(Box::new(Cost))
}

struct Cost;

#[async_trait]
impl OutgoingTransport for Cost {
    async fn send(&mut self, envelope: &Envelope, mut body: Body<'_>) -> Result<Receipt> {
        // What SMTP must look for in each octet: a dot at the beginning of a line (RFC 5321 §4.5.2).
        let (mut dots, mut before) = (0_u64, b'\n');
        while let Some(chunk) = body.chunk().await? {
            for &octet in &chunk {
                dots += u64::from(before == b'\n' && octet == b'.');
                before = octet;
            }
        }
        let reply = || Reply::new("250", Some("2.0.0".into()), "fine");
        let outcomes = envelope
            .to
            .iter()
            .map(|to| RecipientOutcome::new(to.address.clone(), Verdict::Accepted(reply())))
            .collect();
        Ok(Receipt::new(Reply::new("250", None, if dots > 0 { "stuffed" } else { "plain" }), outcomes))
    }

    async fn connect(&mut self) -> Result<()> {
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
