//! Connections to the database, made when they are needed and again when they are gone.

use super::errors;
use crate::ledger::{LedgerError, Result};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use tokio_postgres::config::Host;
use tokio_postgres::tls::{MakeTlsConnect, TlsConnect};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, Row, Socket, Statement};

type Connecting = Pin<Box<dyn Future<Output = Result<Client, Error>> + Send>>;

/// Makes connections. Whatever its TLS is, it is one type.
#[derive(Clone)]
pub(super) struct Connector {
    connect: Arc<dyn Fn() -> Connecting + Send + Sync>,
    place: Arc<str>,
}

impl Connector {
    pub(super) fn new<T>(mut config: Config, tls: T) -> Self
    where
        T: MakeTlsConnect<Socket> + Clone + Send + Sync + 'static,
        T::Stream: Send,
        T::TlsConnect: Send,
        <T::TlsConnect as TlsConnect<Socket>>::Future: Send,
    {
        let place = place(&config).into();
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(std::time::Duration::from_secs(10));
        }
        if config.get_application_name().is_none() {
            config.application_name("postrider");
        }
        let connect = move || -> Connecting {
            let (config, tls) = (config.clone(), tls.clone());
            Box::pin(async move {
                let (client, connection) = config.connect(tls).await?;
                // Ends with the client. Its error shows in the next statement.
                tokio::spawn(connection);
                Ok(client)
            })
        };
        Self { connect: Arc::new(connect), place }
    }

    pub(super) fn place(&self) -> &Arc<str> {
        &self.place
    }
}

/// The database for people: where and which, never the password.
pub(super) fn place(config: &Config) -> String {
    let host = config.get_hosts().first().map_or_else(String::new, |host| match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    });
    let name = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("PostgreSQL {name} at {host}")
}

/// One connection, with the statements it has prepared.
pub(super) struct Line {
    connector: Connector,
    setup: &'static str,
    client: Option<Client>,
    prepared: HashMap<&'static str, Statement>,
}

impl Line {
    /// A connection that begins with these statements.
    pub(super) fn new(connector: Connector, setup: &'static str) -> Self {
        Self { connector, setup, client: None, prepared: HashMap::new() }
    }

    pub(super) fn place(&self) -> &str {
        self.connector.place()
    }

    pub(super) fn told(&self, error: Error) -> LedgerError {
        errors::told(self.place(), error)
    }

    pub(super) async fn client(&mut self) -> Result<&mut Client> {
        if self.client.as_ref().is_none_or(Client::is_closed) {
            self.prepared.clear();
            let client = (self.connector.connect)().await.map_err(|e| self.told(e))?;
            client.batch_execute(self.setup).await.map_err(|e| self.told(e))?;
            self.client = Some(client);
        }
        self.client.as_mut().ok_or_else(|| {
            LedgerError::new(
                crate::ledger::LedgerErrorKind::Unreachable,
                self.connector.place().as_ref(),
                "no connection",
            )
        })
    }

    /// A connection that was left in the middle of something is not used again.
    pub(super) fn give_up(&mut self) {
        self.client = None;
    }

    pub(super) async fn query(
        &mut self,
        sql: &'static str,
        values: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>> {
        self.client().await?;
        let place = Arc::clone(self.connector.place());
        let Some(client) = &self.client else { return Ok(Vec::new()) };
        let statement = match self.prepared.get(sql) {
            Some(statement) => statement.clone(),
            None => {
                let statement = client.prepare(sql).await.map_err(|e| errors::told(&place, e))?;
                self.prepared.insert(sql, statement.clone());
                statement
            }
        };
        client.query(&statement, values).await.map_err(|e| errors::told(&place, e))
    }
}
