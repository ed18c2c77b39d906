//! Accepting connections and handing each to its protocol.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::builder::Credential;
use crate::conn::Conn;
use crate::options::{Options, Service};
use crate::smtp::Journal;
use crate::store::Store;
use crate::{imap, pop3, smtp, tls};

/// What all sessions share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) store: Arc<Store>,
    pub(crate) journal: Journal,
    pub(crate) acceptor: TlsAcceptor,
}

impl Shared {
    /// Also returns the authority's certificate as PEM.
    pub(crate) fn new(options: Options, users: &[(String, Credential)]) -> io::Result<(String, Arc<Self>)> {
        let (ca_pem, acceptor) = tls::prepare(&options)?;
        let store = Arc::new(Store::new(&options.domain, options.storage_limit));
        for (name, Credential(password)) in users {
            store.add_user(name, password);
        }
        Ok((ca_pem, Arc::new(Self { options, store, journal: Journal::default(), acceptor })))
    }
}

/// Serves one port until told to stop.
pub(crate) async fn serve(
    service: Service,
    socket: TcpListener,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
) {
    let mut stop = stopped.clone();
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = socket.accept() => match accepted {
                // Too many: a closed connection is all a runaway client gets.
                Ok(_) if sessions.len() >= shared.options.connection_limit => {}
                Ok((stream, _)) => {
                    sessions.spawn(session(service, stream, Arc::clone(&shared), stopped.clone()));
                }
                // Out of file descriptors, most likely: let some sessions end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            },
            Some(_) = sessions.join_next() => {}
            () = told(&mut stop) => break,
        }
    }
    drop(socket);
    let drained = async { while sessions.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(Duration::from_secs(2), drained).await;
}

async fn session(
    service: Service,
    stream: TcpStream,
    shared: Arc<Shared>,
    mut stopped: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let mut conn = Conn::new(stream, shared.options.chunk, shared.options.idle_limit);
    let stop = tokio::select! {
        () = speak(service, &mut conn, &shared) => false,
        () = told(&mut stopped) => true,
    };
    if stop {
        conn.put(match service {
            Service::Smtp | Service::Smtps => "421 4.3.2 The server is stopping\r\n",
            Service::Pop3 | Service::Pop3s => "-ERR [SYS/TEMP] The server is stopping\r\n",
            Service::Imap | Service::Imaps => "* BYE The server is stopping\r\n",
        });
    }
    conn.close().await;
}

/// Waits to be told to stop; a server that was dropped tells too.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|&stop| stop).await;
}

/// However a session ends, the connection is closed after it; that is all there is to know.
async fn speak(service: Service, conn: &mut Conn, shared: &Arc<Shared>) {
    if service.is_tls() && conn.start_tls(&shared.acceptor).await.is_err() {
        return;
    }
    let _ = match service {
        Service::Smtp | Service::Smtps => smtp::run(conn, shared).await,
        Service::Pop3 | Service::Pop3s => pop3::run(conn, shared).await,
        Service::Imap | Service::Imaps => imap::run(conn, shared).await,
    };
}
