//! Our own transports out of a shared library (crates/loader/tests/plugins), on the benches that the linked ones have.
//!
//! The memory transport is not among them: the library's memory is not the bench's, so there is nothing to look at.

use crate::library::{incoming, outgoing};
use crate::maildir;
use crate::server::Embedded;
use postrider_server::Server;
use postrider_testkit::conformance::{self, ScriptedImap, ScriptedPop3, ScriptedSmtp};

conformance::outgoing!(smtp: *outgoing("smtp"), ScriptedSmtp::new);
conformance::incoming!(imap: *incoming("imap"), ScriptedImap::new);
conformance::incoming!(pop3: *incoming("pop3"), ScriptedPop3::new);
conformance::outgoing!(maildir_outgoing: *outgoing("maildir"), maildir::Backend::new);
conformance::incoming!(maildir_incoming: *incoming("maildir"), maildir::Backend::new);
conformance::outgoing!(smtp_sockets: *outgoing("smtp"), || Embedded::new([Server::smtps_port, Server::smtp_port]));
conformance::incoming!(imap_sockets: *incoming("imap"), || Embedded::new([Server::imaps_port, Server::imap_port]));
conformance::incoming!(pop3_sockets: *incoming("pop3"), || Embedded::new([Server::pop3s_port, Server::pop3_port]));
