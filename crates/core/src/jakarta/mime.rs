//! `mail.mime.<name>`: how Jakarta Mail reads and writes messages. Transports carry them byte for byte.

use super::{Row, fixed, refused};

const BYTES: &str =
    "messages are carried byte for byte; how one is read or written is not a transport's affair";
const LIBRARY: &str = "remove it; the program's message library decides (lettre writes, mail-parser reads)";

const fn mime(name: &'static str) -> Row {
    refused(name, BYTES, LIBRARY)
}

pub(super) const KEYS: &[Row] = &[
    fixed(
        "mime.address.strict",
        &["true"],
        "an address that breaks the syntax is refused before anything is sent",
        "remove it, and correct the addresses",
    ),
    fixed(
        "mime.allowutf8",
        &["true"],
        "addresses and headers in UTF-8 go to servers that offer SMTPUTF8, and are refused for others",
        "remove it; ASCII addresses need no SMTPUTF8",
    ),
    mime("mime.applefilenames"),
    mime("mime.base64.ignoreerrors"),
    mime("mime.cachemultipart"),
    mime("mime.charset"),
    mime("mime.contentdisposition.strict"),
    refused("mime.contenttypehandler", "it names a Java class, and none can be loaded here", LIBRARY),
    mime("mime.decodefilename"),
    mime("mime.decodeparameters"),
    mime("mime.decodetext.strict"),
    mime("mime.encodeeol.strict"),
    mime("mime.encodefilename"),
    mime("mime.encodeparameters"),
    mime("mime.foldencodedwords"),
    mime("mime.foldtext"),
    mime("mime.ignoremultipartencoding"),
    mime("mime.ignoreunknownencoding"),
    mime("mime.ignorewhitespacelines"),
    mime("mime.multipart.allowempty"),
    mime("mime.multipart.bufferparts"),
    mime("mime.multipart.ignoreexistingboundaryparameter"),
    mime("mime.multipart.ignoremissingboundaryparameter"),
    mime("mime.multipart.ignoremissingendboundary"),
    mime("mime.parameters.strict"),
    mime("mime.setcontenttypefilename"),
    mime("mime.setdefaulttextcharset"),
    mime("mime.uudecode.ignoreerrors"),
    mime("mime.uudecode.ignoremissingbeginend"),
    mime("mime.windowsfilenames"),
];
