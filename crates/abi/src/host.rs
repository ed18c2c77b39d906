//! The host, lent to a plugin: connections, time, secrets, and ears for what it learns and logs.

use crate::buf::{Buf, Text};
use crate::call::{Call, FfiFuture, Given, give};
use crate::guard::{guard, malformed};
use crate::object::{Header, Object, Table, end, kind};
use crate::value::{self, Value};
use crate::{connection, log};
use postrider_core::{
    Connection, Error, Fact, Host, Result, Secret, SecretRef, Target, TokenGrant, async_trait,
};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

type Lent = Arc<dyn Host>;
type Ask = unsafe extern "C" fn(*mut (), Buf) -> FfiFuture;

/// A time.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct Time {
    seconds: u64,
    nanos: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct HostTable {
    header: Header,
    connect: Option<Ask>,
    sleep: Option<unsafe extern "C" fn(*mut (), Time) -> FfiFuture>,
    now: Option<unsafe extern "C" fn(*mut ()) -> Time>,
    secret: Option<Ask>,
    access_token: Option<Ask>,
    learned: Option<unsafe extern "C" fn(*mut (), Buf)>,
    resolve: Option<Ask>,
    connect_to: Option<Ask>,
    log: Option<unsafe extern "C" fn(u32, Text, Text)>,
    log_level: Option<unsafe extern "C" fn() -> u32>,
}

// SAFETY: repr(C), a header and optional functions.
unsafe impl Table for HostTable {
    const KIND: u32 = kind::HOST;
}

static TABLE: HostTable = HostTable {
    header: Header { size: size_of::<HostTable>(), kind: kind::HOST, drop: Some(end::<Lent>) },
    connect: Some(connect),
    sleep: Some(sleep),
    now: Some(now),
    secret: Some(secret),
    access_token: Some(access_token),
    learned: Some(learned),
    resolve: Some(resolve),
    connect_to: Some(connect_to),
    log: Some(log::write),
    log_level: Some(log::most),
};

/// Lends a host.
pub(crate) fn lend(host: Lent) -> Object {
    Object::new(host, &TABLE)
}

/// Serves what `work` makes of the host and a value. The future has its own share of the host.
fn serve<T, F>(data: *mut (), value: Buf, work: impl FnOnce(Lent, T) -> F + Send + 'static) -> FfiFuture
where
    T: Value + Send + 'static,
    F: Future<Output = Result<Given>> + Send + 'static,
{
    // SAFETY: `data` is what `Object::new` made of a Lent, and is not ended yet.
    let host = Arc::clone(unsafe { &*data.cast::<Lent>() });
    let work = async move {
        let value = value::decode::<T>(&value)?;
        work(host, value).await
    };
    // SAFETY: it borrows nothing.
    unsafe { FfiFuture::serve(work) }
}

unsafe extern "C" fn connect(data: *mut (), target: Buf) -> FfiFuture {
    serve(
        data,
        target,
        |host, target: Target| async move { host.connect(&target).await.map(connection::lend) },
    )
}

unsafe extern "C" fn sleep(data: *mut (), time: Time) -> FfiFuture {
    // SAFETY: as in `serve`.
    let host = Arc::clone(unsafe { &*data.cast::<Lent>() });
    let work = async move {
        host.sleep(Duration::new(time.seconds, time.nanos.min(999_999_999))).await;
        Ok((Buf::empty(), Object::none()))
    };
    // SAFETY: it borrows nothing.
    unsafe { FfiFuture::serve(work) }
}

unsafe extern "C" fn now(data: *mut ()) -> Time {
    // SAFETY: as in `serve`.
    let now = guard(|| unsafe { &*data.cast::<Lent>() }.now()).unwrap_or_default();
    Time { seconds: now.as_secs(), nanos: now.subsec_nanos() }
}

unsafe extern "C" fn secret(data: *mut (), reference: Buf) -> FfiFuture {
    serve(data, reference, |host, reference: SecretRef| async move {
        let secret = host.secret(&reference).await?;
        Ok((Buf::of_secret(&secret), Object::none()))
    })
}

unsafe extern "C" fn access_token(data: *mut (), grant: Buf) -> FfiFuture {
    serve(data, grant, |host, (grant, refused): (TokenGrant, Option<Secret>)| async move {
        let token = host.access_token(&grant, refused.as_ref()).await?;
        Ok((Buf::of_secret(&token), Object::none()))
    })
}

unsafe extern "C" fn learned(data: *mut (), fact: Buf) {
    let _ = guard(|| {
        // One that this side does not know yet is nothing it could use.
        if let Ok(fact) = value::decode::<Fact>(&fact) {
            // SAFETY: as in `serve`.
            unsafe { &*data.cast::<Lent>() }.learned(fact);
        }
    });
}

unsafe extern "C" fn resolve(data: *mut (), target: Buf) -> FfiFuture {
    serve(data, target, |host, target: Target| async move { Ok(give(&host.resolve(&target).await?)) })
}

unsafe extern "C" fn connect_to(data: *mut (), to: Buf) -> FfiFuture {
    serve(data, to, |host, (target, address): (Target, SocketAddr)| async move {
        host.connect_to(&target, address).await.map(connection::lend)
    })
}

/// A host that has lent itself to us.
struct Foreign {
    object: Object,
    table: HostTable,
}

/// The host behind an object. What is logged from now on goes there.
pub(crate) fn foreign(object: Object) -> Result<Arc<dyn Host>> {
    let table = object.table::<HostTable>()?;
    log::forward(table.log, table.log_level);
    Ok(Arc::new(Foreign { object, table }))
}

impl Foreign {
    async fn ask(&self, ask: Option<Ask>, value: Buf) -> Result<Given> {
        let ask = ask.ok_or_else(|| malformed("the host is too old for this"))?;
        // SAFETY: the object is there; hosts are Sync.
        let future = unsafe { ask(self.object.data(), value) };
        Ok(Call::new(future, None).await?)
    }
}

fn text((text, _): Given) -> Result<Secret> {
    let text = std::str::from_utf8(text.bytes()).map_err(|_| malformed("a secret is not UTF-8"))?;
    Ok(Secret::new(text))
}

#[async_trait]
impl Host for Foreign {
    async fn connect(&self, target: &Target) -> Result<Box<dyn Connection>> {
        connection::foreign(self.ask(self.table.connect, value::encode_secret(target)).await?)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let time = Time { seconds: duration.as_secs(), nanos: duration.subsec_nanos() };
        // SAFETY: as in `ask`.
        let future = self.table.sleep.map(|sleep| unsafe { sleep(self.object.data(), time) });
        Box::pin(async move {
            if let Some(future) = future {
                // A timer that fails is over: what waits for it must not wait for ever.
                drop(Call::new(future, None).await);
            }
        })
    }

    fn now(&self) -> Duration {
        // SAFETY: as in `ask`.
        let now = self.table.now.map(|now| unsafe { now(self.object.data()) });
        now.map_or(Duration::ZERO, |now| Duration::new(now.seconds, now.nanos.min(999_999_999)))
    }

    async fn resolve(&self, target: &Target) -> Result<Vec<SocketAddr>> {
        let (addresses, _) = self.ask(self.table.resolve, value::encode_secret(target)).await?;
        value::decode(&addresses)
    }

    async fn connect_to(&self, target: &Target, address: SocketAddr) -> Result<Box<dyn Connection>> {
        let to = value::encode_secret(&(target.clone(), address));
        connection::foreign(self.ask(self.table.connect_to, to).await?)
    }

    async fn secret(&self, reference: &SecretRef) -> Result<Secret> {
        text(self.ask(self.table.secret, value::encode(reference)).await?)
    }

    async fn access_token(&self, grant: &TokenGrant, refused: Option<&Secret>) -> Result<Secret, Error> {
        let asked = value::encode_secret(&(grant.clone(), refused.cloned()));
        text(self.ask(self.table.access_token, asked).await?)
    }

    fn learned(&self, fact: Fact) {
        if let Some(learned) = self.table.learned {
            // SAFETY: as in `ask`.
            unsafe { learned(self.object.data(), value::encode(&fact)) }
        }
    }
}
