//! The same by TLS: records are read as they come, many at once, and decrypted where they lie.

use crate::smtp::{Count, Offer, Session};
use rustls::ServerConfig;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{ConnectionState, UnbufferedStatus};
use std::io::{Error, Read, Result, Write};
use std::net::TcpStream;
use std::sync::Arc;

/// More than the largest flight of a handshake or of replies.
const OUTPUT: usize = 256 << 10;

/// Speaks until the client goes. Also which cipher suite was chosen.
pub fn serve(stream: &mut TcpStream, config: Arc<ServerConfig>, offer: Offer) -> (Count, Option<String>) {
    let mut session = Session::new(offer);
    let mut suite = None;
    if let Ok(mut tls) = UnbufferedServerConnection::new(config) {
        // How it ends is the client's affair.
        let _ = speak(stream, &mut tls, &mut session);
        suite = tls.negotiated_cipher_suite().map(|suite| format!("{:?}", suite.suite()));
    }
    (session.count, suite)
}

fn speak(stream: &mut TcpStream, tls: &mut UnbufferedServerConnection, session: &mut Session) -> Result<()> {
    let mut input = vec![0; crate::INPUT];
    let mut output = vec![0; OUTPUT];
    let (mut start, mut end, mut ready) = (0, 0, 0);
    loop {
        let UnbufferedStatus { discard, state } = tls.process_tls_records(&mut input[start..end]);
        let mut idle = false;
        match state.map_err(Error::other)? {
            ConnectionState::ReadTraffic(mut traffic) => {
                while let Some(record) = traffic.next_record() {
                    session.take(record.map_err(Error::other)?.payload);
                }
            }
            ConnectionState::EncodeTlsData(mut data) => {
                ready += data.encode(&mut output[ready..]).map_err(Error::other)?;
            }
            ConnectionState::TransmitTlsData(data) => {
                stream.write_all(&output[..ready])?;
                ready = 0;
                data.done();
            }
            ConnectionState::WriteTraffic(mut traffic) => {
                // All that was read has been taken.
                let closing = session.is_over();
                if !session.out.is_empty() {
                    ready += traffic.encrypt(&session.out, &mut output[ready..]).map_err(Error::other)?;
                    session.out.clear();
                }
                if closing {
                    ready += traffic.queue_close_notify(&mut output[ready..]).map_err(Error::other)?;
                }
                if ready > 0 {
                    stream.write_all(&output[..ready])?;
                    ready = 0;
                }
                if closing {
                    return Ok(());
                }
                idle = true;
            }
            ConnectionState::BlockedHandshake => idle = true,
            _ => return Ok(()),
        }
        start += discard;
        if start == end {
            (start, end) = (0, 0);
        }
        if idle {
            if end == input.len() {
                input.copy_within(start..end, 0);
                (start, end) = (0, end - start);
            }
            match stream.read(&mut input[end..])? {
                0 => return Ok(()),
                n => end += n,
            }
        }
    }
}
