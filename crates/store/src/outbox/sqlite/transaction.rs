//! Statements in one transaction of SQLite's.

use super::{Clock, fault};
use crate::outbox::sql::{Row, Sql, Value, millis};
use postrider_core::{Error, ErrorKind, Phase, Result};
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, params_from_iter};
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// An open transaction.
pub(super) struct Tx<'a> {
    pub(super) connection: &'a Connection,
    pub(super) place: &'a str,
    pub(super) clock: &'a Clock,
}

impl Tx<'_> {
    fn rows(&self, sql: &str, values: &[Value]) -> rusqlite::Result<Vec<Row>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let columns = statement.column_count();
        let mut rows = statement.query(params_from_iter(values))?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let values = (0..columns).map(|column| Ok(value(row.get_ref(column)?)));
            all.push(Row(values.collect::<rusqlite::Result<_>>()?));
        }
        Ok(all)
    }

    fn changed(&self, sql: &str, values: &[Value]) -> rusqlite::Result<u64> {
        Ok(self.connection.prepare_cached(sql)?.execute(params_from_iter(values))? as u64)
    }
}

// Ready at once is what lets the rules run without a runtime.
#[allow(refining_impl_trait)]
impl Sql for Tx<'_> {
    // There is one who writes at a time.
    const LOCK_FREE_ROWS: &'static str = "";
    const LOCK_ROWS: &'static str = "";

    fn query(&self, sql: &str, values: &[Value]) -> Ready<Result<Vec<Row>>> {
        ready(self.rows(sql, values).map_err(|e| fault::told(self.place, &e)))
    }

    fn run(&self, sql: &str, values: &[Value]) -> Ready<Result<u64>> {
        ready(self.changed(sql, values).map_err(|e| fault::told(self.place, &e)))
    }

    fn now(&self) -> Ready<Result<i64>> {
        ready(Ok(millis((self.clock)())))
    }
}

/// The outcome of rules that run on SQLite, where nothing is ever waited for.
pub(super) fn at_once<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => Err(Error::new(
            ErrorKind::Plugin,
            Phase::Append,
            "the outbox waits for something that is there already",
        )),
    }
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Int(n),
        // Nothing of ours is a fraction.
        ValueRef::Real(n) => Value::Int(n as i64),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    }
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(n) => ValueRef::Integer(*n),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
