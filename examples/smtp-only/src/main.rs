//! A host app that links only SMTP, and shows what its sessions can choose from.
//!
//! ```console
//! $ cargo run -p smtp-only
//! outgoing smtp
//! ```
//!
//! One feature of the `postrider` crate brings one transport. Nothing has to be registered by hand, and
//! nothing is registered that was not asked for, in a debug build, a release build and one with LTO. (Build it
//! by itself: Cargo gives packages that are built together the features of all of them.)

// A program for the command line speaks on stdout.
#![allow(clippy::print_stdout)]

use postrider::{Registry, Result};

fn main() -> Result<()> {
    // `smtps` is another name of the same transport, not another transport.
    for (transport, _origin) in Registry::linked()?.iter() {
        println!("{} {}", transport.direction(), transport.name);
    }
    Ok(())
}
