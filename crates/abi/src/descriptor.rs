//! What a library exports: who it is, and how its transports are made.

use crate::buf::Text;
use crate::call::Answer;
use crate::object::Object;
use crate::rows::direction_number;
use postrider_core::TransportFactory;

/// The name of the exported [`Descriptor`].
pub const SYMBOL: &str = "POSTRIDER_PLUGIN";
/// What a descriptor begins with.
pub const MAGIC: [u8; 16] = *b"POSTRIDER PLUGIN";
/// Libraries of another one are refused.
pub const ABI_MAJOR: u32 = 1;
/// Grows when something is added at the end of a table or record.
pub const ABI_MINOR: u32 = 0;

/// How panics of a library go on: 1 by unwinding, so that they can be caught.
pub(crate) const UNWINDS: u32 = if cfg!(panic = "unwind") { 1 } else { 2 };

/// The exported constant. The first four fields are the same in every version there will ever be; what is behind
/// them only grows at the end.
#[repr(C)]
pub struct Descriptor {
    pub(crate) magic: [u8; 16],
    pub(crate) major: u32,
    pub(crate) minor: u32,
    /// Bytes of the whole descriptor as its maker knows it.
    pub(crate) size: u64,
    pub(crate) panic: u32,
    /// How many transports there are.
    pub(crate) count: u32,
    pub(crate) transports: *const Transport,
    /// Bytes from one transport to the next.
    pub(crate) stride: u64,
    pub(crate) package: Text,
    pub(crate) version: Text,
    /// The version of the contract it was built with.
    pub(crate) contract: Text,
}

// SAFETY: constants and pointers to constants.
unsafe impl Sync for Descriptor {}

impl Descriptor {
    /// Describes a library. For [`export_plugin!`](crate::export_plugin).
    pub const fn new(transports: &'static [Transport], package: &'static str, version: &'static str) -> Self {
        Self {
            magic: MAGIC,
            major: ABI_MAJOR,
            minor: ABI_MINOR,
            size: size_of::<Self>() as u64,
            panic: UNWINDS,
            count: transports.len() as u32,
            transports: transports.as_ptr(),
            stride: size_of::<Transport>() as u64,
            package: Text::new(package.as_bytes()),
            version: Text::new(version.as_bytes()),
            contract: Text::new(env!("CARGO_PKG_VERSION").as_bytes()),
        }
    }
}

/// One of a library's transports.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Transport {
    /// 1 incoming, 2 outgoing.
    pub(crate) direction: u32,
    pub(crate) name: Text,
    /// The rest of its description.
    pub(crate) rows: Text,
    pub(crate) make: Option<MakeFunction>,
    pub(crate) check: Option<CheckFunction>,
}

/// Makes a transport of a host and settings; gives the keys it has read.
pub(crate) type MakeFunction = unsafe extern "C" fn(Object, Object) -> Answer;
/// Tries a text as the value of the property of this number; says what is wrong, or nothing.
pub(crate) type CheckFunction = unsafe extern "C" fn(u32, Text) -> Answer;

impl Transport {
    /// Describes a transport. For [`export_plugin!`](crate::export_plugin).
    pub const fn new(
        factory: &'static TransportFactory,
        rows: &'static [u8],
        make: MakeFunction,
        check: CheckFunction,
    ) -> Self {
        Self {
            direction: direction_number(factory),
            name: Text::new(factory.name.as_bytes()),
            rows: Text::new(rows),
            make: Some(make),
            check: Some(check),
        }
    }
}

/// Exports constant [`TransportFactory`]s from a `cdylib`, once in a library: the same constants that
/// [`register!`](postrider_core::register) takes.
///
/// It belongs into the crate that is the `cdylib` and into no other: two exports linked into one program collide. A
/// transport that is linked as well as loaded keeps it in a small crate of its own with `crate-type = ["cdylib"]`.
/// Panics must unwind; `panic = "abort"` in the profile makes a library that no host loads.
///
/// ```
/// # use postrider_core::*; use std::sync::Arc;
/// # fn make(_: &Properties, _: Arc<dyn Host>) -> Result<Box<dyn OutgoingTransport>> { unimplemented!() }
/// pub const FACTORY: TransportFactory = TransportFactory::outgoing("pigeon", &make).about("By bird (RFC 1149)");
/// postrider_abi::export_plugin!(FACTORY);
/// ```
#[macro_export]
macro_rules! export_plugin {
    ($($factory:expr),+ $(,)?) => {
        // Unusual names: the factory's expression is read among them.
        const _: () = {
            static __POSTRIDER_TRANSPORTS: &[$crate::private::Transport] = &[$({
                const __POSTRIDER_FACTORY: &$crate::private::TransportFactory = &$factory;
                const __POSTRIDER_LENGTH: usize =
                    $crate::private::Written::<0>::length_of(__POSTRIDER_FACTORY);
                static __POSTRIDER_ROWS: [u8; __POSTRIDER_LENGTH] =
                    $crate::private::Written::<__POSTRIDER_LENGTH>::new(__POSTRIDER_FACTORY).bytes();

                extern "C" fn __postrider_make(
                    host: $crate::private::Object,
                    settings: $crate::private::Object,
                ) -> $crate::private::Answer {
                    $crate::private::make(__POSTRIDER_FACTORY, host, settings)
                }

                #[allow(unsafe_code)]
                unsafe extern "C" fn __postrider_check(
                    number: u32,
                    text: $crate::private::Text,
                ) -> $crate::private::Answer {
                    // SAFETY: the text is lent for this call.
                    unsafe { $crate::private::check(__POSTRIDER_FACTORY, number, text) }
                }

                $crate::private::Transport::new(
                    __POSTRIDER_FACTORY,
                    &__POSTRIDER_ROWS,
                    __postrider_make,
                    __postrider_check,
                )
            }),+];

            #[allow(unsafe_code)]
            // SAFETY: a name that nothing else has.
            #[unsafe(no_mangle)]
            pub static POSTRIDER_PLUGIN: $crate::private::Descriptor = $crate::private::Descriptor::new(
                __POSTRIDER_TRANSPORTS,
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
            );
        };
    };
}
