//! The little of a database that the outbox needs, so that its rules are written down once for all of them.

use postrider_core::{Error, ErrorKind, Phase, Reply, Result};
use std::future::Future;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A value in a column or a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    /// NULL.
    Null,
    /// A number, a time in ms since 1970.
    Int(i64),
    /// Text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// One row of an answer.
pub(crate) struct Row(pub(crate) Vec<Value>);

/// A transaction. Statements have their parameters as `?1`, `?2`, … and end in what both databases read alike.
pub(crate) trait Sql {
    /// Runs a statement and gives its rows.
    fn query(&self, sql: &str, values: &[Value]) -> impl Future<Output = Result<Vec<Row>>>;

    /// Runs a statement and gives the number of rows that changed.
    fn run(&self, sql: &str, values: &[Value]) -> impl Future<Output = Result<u64>>;

    /// The time by the clock that all workers of this outbox share, in ms since 1970.
    fn now(&self) -> impl Future<Output = Result<i64>>;

    /// What to put behind a SELECT so that rows are locked and those that are locked already are left out; empty
    /// where there is one writer at a time anyway.
    const LOCK_FREE_ROWS: &'static str;

    /// The same, but waits for rows that are locked.
    const LOCK_ROWS: &'static str;
}

impl Value {
    /// A duration as ms.
    pub(crate) fn ms(duration: Duration) -> i64 {
        i64::try_from(duration.as_millis()).unwrap_or(i64::MAX / 4)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        // PostgreSQL has no room for a NUL in text.
        Self::Text(value.replace('\0', "\u{fffd}"))
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        value.as_str().into()
    }
}

impl Row {
    /// A number that must be there.
    pub(crate) fn int(&self, column: usize) -> Result<i64> {
        self.maybe_int(column)?.ok_or_else(|| odd(column))
    }

    /// A number, if there is one.
    pub(crate) fn maybe_int(&self, column: usize) -> Result<Option<i64>> {
        match self.0.get(column) {
            Some(Value::Int(n)) => Ok(Some(*n)),
            Some(Value::Null) => Ok(None),
            _ => Err(odd(column)),
        }
    }

    /// A text that must be there.
    pub(crate) fn text(&self, column: usize) -> Result<String> {
        self.maybe_text(column)?.ok_or_else(|| odd(column))
    }

    /// A text, if there is one.
    pub(crate) fn maybe_text(&self, column: usize) -> Result<Option<String>> {
        match self.0.get(column) {
            Some(Value::Text(text)) => Ok(Some(text.clone())),
            Some(Value::Null) => Ok(None),
            _ => Err(odd(column)),
        }
    }

    /// Bytes that must be there.
    pub(crate) fn into_blob(mut self, column: usize) -> Result<Vec<u8>> {
        match self.0.get_mut(column).map(|value| std::mem::replace(value, Value::Null)) {
            Some(Value::Blob(bytes)) => Ok(bytes),
            _ => Err(odd(column)),
        }
    }

    /// A time that must be there.
    pub(crate) fn time(&self, column: usize) -> Result<SystemTime> {
        Ok(time(self.int(column)?))
    }

    /// A time, if there is one.
    pub(crate) fn maybe_time(&self, column: usize) -> Result<Option<SystemTime>> {
        Ok(self.maybe_int(column)?.map(time))
    }

    /// A reply in three columns.
    pub(crate) fn reply(&self, column: usize) -> Result<Option<Reply>> {
        let Some(status) = self.maybe_text(column)? else { return Ok(None) };
        let text = self.maybe_text(column + 2)?.unwrap_or_default();
        Ok(Some(Reply::new(status, self.maybe_text(column + 1)?, &text)))
    }
}

/// The three columns of a reply.
pub(crate) fn reply_values(reply: Option<&Reply>) -> [Value; 3] {
    let Some(reply) = reply else { return [Value::Null, Value::Null, Value::Null] };
    [reply.status().into(), reply.code().into(), reply.text().into()]
}

pub(crate) fn time(ms: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

pub(crate) fn millis(time: SystemTime) -> i64 {
    Value::ms(time.duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn odd(column: usize) -> Error {
    let what = format!("the outbox has something unexpected in a table (column {column} of an answer)");
    Error::new(ErrorKind::Protocol, Phase::Append, what)
        .with_advice("see whether another program writes to its tables, or another version made them")
}
