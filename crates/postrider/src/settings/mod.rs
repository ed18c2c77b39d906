//! Every way settings come in, each as [`Layer`](crate::Layer)s whose values know where they stand.
//!
//! | from | by | standing |
//! |---|---|---|
//! | a TOML file | [`AccountFile`](crate::AccountFile) | system, instance, account |
//! | a Java property file | [`PropertiesFile`] | as you say |
//! | a portal's `portal-ext.properties` | [`PortalFile`] | as you say, and overrides |
//! | the environment, also a portal's | [`Environment`] | environment, and overrides |
//! | a form with secure flags | [`SecureForm`] | as you say, and overrides |
//! | a form with protocols and StartTLS | [`ProtocolForm`] | as you say, and overrides |
//! | a form for a whole system's rules | [`SystemForm`] | as you say |
//! | code | [`SessionBuilder::property`](crate::SessionBuilder::property) | host |
//! | an account for one message | [`Session::with_layer`](crate::Session::with_layer) | message |
//! | override text | [`SessionBuilder::overrides`](crate::SessionBuilder::overrides) | overrides |
//! | a session somebody else made | [`Sessions`] | in place of all |
//!
//! `docs/settings.md` says which beats which, with examples.
//!
//! | file | what is in it |
//! |---|---|
//! | `text_file.rs` | a file's name for errors, and its bytes |
//! | `properties_file.rs` | [`PropertiesFile`] |
//! | `portal.rs`, `portal_file.rs` | what a portal's keys mean here; its files with what they include |
//! | `environment.rs`, `portal_variable.rs` | [`Environment`]; the portal's encoding of names |
//! | `password.rs` | [`Password`]: a form's field that is never shown |
//! | `form.rs`, `secure_form.rs`, `protocol_form.rs`, `side.rs` | [`Form`]; its two generations, and what they have in common |
//! | `system_form.rs` | [`SystemForm`] |
//! | `sessions.rs` | [`Sessions`] |

mod environment;
mod form;
mod password;
mod portal;
mod portal_file;
mod portal_variable;
mod properties_file;
mod protocol_form;
mod secure_form;
mod sessions;
mod side;
mod system_form;
pub(crate) mod text_file;

pub use environment::Environment;
pub use form::Form;
pub use password::Password;
pub use portal_file::PortalFile;
pub use properties_file::PropertiesFile;
pub use protocol_form::ProtocolForm;
pub use secure_form::{FormServer, SecureForm};
pub use sessions::Sessions;
pub use system_form::SystemForm;

/// The examples of the document are compiled.
#[cfg(doctest)]
#[doc = include_str!("../../../../docs/settings.md")]
struct Document;
