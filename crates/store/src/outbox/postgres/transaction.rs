//! Statements in one transaction of PostgreSQL's.

use super::fault;
use crate::outbox::sql::{Row, Sql, Value};
use postrider_core::Result;
use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{Statement, Transaction};

/// Statements that a connection has prepared.
pub(super) type Prepared = Mutex<HashMap<String, Statement>>;

/// An open transaction.
pub(super) struct Tx<'a> {
    transaction: &'a Transaction<'a>,
    prepared: Option<&'a Prepared>,
    place: &'a str,
    ahead: Arc<AtomicI64>,
    // Asked for once: each question is a way there and back.
    now: OnceLock<i64>,
}

impl<'a> Tx<'a> {
    pub(super) fn new(
        transaction: &'a Transaction<'a>,
        prepared: &'a Prepared,
        place: &'a str,
        ahead: &Arc<AtomicI64>,
    ) -> Self {
        Self { transaction, prepared: Some(prepared), place, ahead: Arc::clone(ahead), now: OnceLock::new() }
    }

    /// One of the host's own.
    pub(super) fn of_host(transaction: &'a Transaction<'a>, ahead: &Arc<AtomicI64>) -> Self {
        let (place, now) = ("in PostgreSQL", OnceLock::new());
        Self { transaction, prepared: None, place, ahead: Arc::clone(ahead), now }
    }

    /// The statement with PostgreSQL's parameters, prepared once for each connection.
    async fn statement(&self, sql: &str) -> std::result::Result<Statement, tokio_postgres::Error> {
        let known = |p: &Prepared| p.lock().unwrap_or_else(PoisonError::into_inner).get(sql).cloned();
        if let Some(statement) = self.prepared.and_then(known) {
            return Ok(statement);
        }
        // None of the statements has a question mark but before a parameter's number.
        let statement = self.transaction.prepare(&sql.replace('?', "$")).await?;
        if let Some(prepared) = self.prepared {
            prepared.lock().unwrap_or_else(PoisonError::into_inner).insert(sql.to_owned(), statement.clone());
        }
        Ok(statement)
    }

    async fn rows(
        &self,
        sql: &str,
        values: &[Value],
    ) -> std::result::Result<Vec<Row>, tokio_postgres::Error> {
        let statement = self.statement(sql).await?;
        let rows = self.transaction.query(&statement, &parameters(values)).await?;
        rows.iter()
            .map(|row| (0..row.len()).map(|n| value(row, n)).collect::<std::result::Result<_, _>>().map(Row))
            .collect()
    }
}

impl Sql for Tx<'_> {
    const LOCK_FREE_ROWS: &'static str = " FOR UPDATE SKIP LOCKED";
    const LOCK_ROWS: &'static str = " FOR UPDATE";

    async fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
        self.rows(sql, values).await.map_err(|e| fault::told(self.place, &e))
    }

    async fn run(&self, sql: &str, values: &[Value]) -> Result<u64> {
        let run = async { self.transaction.execute(&self.statement(sql).await?, &parameters(values)).await };
        run.await.map_err(|e| fault::told(self.place, &e))
    }

    async fn now(&self) -> Result<i64> {
        if let Some(now) = self.now.get() {
            return Ok(*now);
        }
        let sql = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)";
        let rows = self.query(sql, &[]).await?;
        let now = rows.first().map(|row| row.int(0)).transpose()?.unwrap_or(0);
        Ok(*self.now.get_or_init(|| now.saturating_add(self.ahead.load(Ordering::Relaxed))))
    }
}

fn parameters(values: &[Value]) -> Vec<&(dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

fn value(row: &tokio_postgres::Row, n: usize) -> std::result::Result<Value, tokio_postgres::Error> {
    let column = row.columns().get(n).map(|c| c.type_().clone());
    Ok(match column {
        Some(Type::INT8) => row.try_get::<_, Option<i64>>(n)?.map_or(Value::Null, Value::Int),
        Some(Type::INT4) => row.try_get::<_, Option<i32>>(n)?.map_or(Value::Null, |v| Value::Int(v.into())),
        Some(Type::BYTEA) => row.try_get::<_, Option<Vec<u8>>>(n)?.map_or(Value::Null, Value::Blob),
        _ => row.try_get::<_, Option<String>>(n)?.map_or(Value::Null, Value::Text),
    })
}

impl ToSql for Value {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(n) => n.to_sql(kind, out),
            Self::Text(text) => text.to_sql(kind, out),
            Self::Blob(bytes) => bytes.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::VARCHAR, Type::BYTEA].contains(kind)
    }

    to_sql_checked!();
}
