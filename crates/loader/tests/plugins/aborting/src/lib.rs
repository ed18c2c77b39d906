//! A plugin like any other, but for its profile and for what it does when it is opened.

use postrider_core::{Error, ErrorKind, Phase, TransportFactory};

const FACTORY: TransportFactory = TransportFactory::outgoing("aborting", &|_, _| {
    Err(Error::new(ErrorKind::Unsupported, Phase::Configure, "nobody gets this far"))
});

postrider_abi::export_plugin!(FACTORY);

extern "C" fn when_opened() {
    std::process::exit(97);
}

// SAFETY: the linker's table of what runs when the library is opened.
#[used]
#[unsafe(link_section = ".init_array")]
static INITIALISER: extern "C" fn() = when_opened;
