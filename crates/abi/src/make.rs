//! In a plugin: what `export_plugin!` calls.

use crate::buf::{Buf, Text};
use crate::call::{Answer, Given, status};
use crate::guard::{guard, inside};
use crate::object::Object;
use crate::value;
use crate::{host, incoming, outgoing, settings};
use postrider_core::{Make, PropertySpec, Result, TransportFactory};

/// Makes a transport of a factory.
pub fn make(factory: &TransportFactory, host: Object, settings: Object) -> Answer {
    inside();
    Answer::of(guard(|| made(factory, host, &settings)))
}

fn made(factory: &TransportFactory, host: Object, settings: &Object) -> Result<Given> {
    let host = host::foreign(host)?;
    let specs: Vec<PropertySpec> = factory.specs().copied().collect();
    let properties = settings::foreign(settings, &specs)?;
    let transport = match factory.make {
        Make::Incoming(make) => incoming::lend(make(&properties, host)?),
        Make::Outgoing(make) => outgoing::lend(make(&properties, host)?),
        _ => return Err(crate::guard::malformed("the transport has a new direction")),
    };
    Ok((value::encode(&properties.keys_read()), transport))
}

/// Tries a text as the value of a property.
///
/// # Safety
/// The text is lent for this call.
pub unsafe fn check(factory: &TransportFactory, number: u32, text: Text) -> Answer {
    // SAFETY: the caller's.
    let bytes = unsafe { text.bytes() };
    let checked = guard(|| {
        let spec = factory.specs().nth(number as usize).ok_or("there is no such property")?;
        spec.check(std::str::from_utf8(bytes).map_err(|_| "a text in UTF-8 is expected")?)
    });
    match checked {
        Ok(Ok(())) => Answer::of(Ok(Ok((Buf::empty(), Object::none())))),
        // Not an error, but words about a text.
        Ok(Err(why)) => Answer { status: status::FAILED, value: Buf::of(why), object: Object::none() },
        Err(text) => Answer::of(Err(text)),
    }
}
