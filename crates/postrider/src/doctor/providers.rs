//! What is known of large providers: their servers, ports and what they let people sign in with. Data, so that a
//! mistake is told without asking the provider.
//!
//! Sources: the providers' own help pages. A port that is not listed may work all the same: what follows from
//! this table is advice, and the doctor tries the settings as they are.

use crate::doctor::spoken::Spoken;
use postrider_core::TlsMode;

/// One provider.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    pub(crate) servers: &'static [Server],
    pub(crate) sign_in: SignIn,
    /// A user name that this provider takes, for people.
    pub(crate) user: &'static str,
}

/// One server of a provider.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) speaks: Spoken,
    /// Its names, the current one first.
    pub(crate) hosts: &'static [&'static str],
    /// Where it listens and how it is encrypted there, the best first.
    pub(crate) doors: &'static [(u16, TlsMode)],
    /// Ports of the protocol on which nothing answers.
    pub(crate) closed: &'static [u16],
}

/// What proves who somebody is.
#[derive(Debug)]
pub(crate) enum SignIn {
    /// An app password, made at this address, or an OAuth token of this scope. Not the account's password.
    AppPassword { made_at: &'static str, shape: Shape, scope: Option<&'static str> },
    /// An OAuth token and nothing else.
    TokenOnly { scopes: &'static [(Spoken, &'static str)] },
    /// The account's password, once access by mail programs has been switched on.
    Password { first: &'static str },
}

/// What an app password looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// Sixteen small letters; blanks between them don't count.
    Letters16,
    /// Four groups of four letters with hyphens between them.
    Groups4,
    /// Nobody promises anything.
    Any,
}

impl Shape {
    /// True if the password may be one. Its text goes nowhere.
    pub(crate) fn fits(self, password: &str) -> bool {
        let letters = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase());
        match self {
            Self::Letters16 => {
                let joined: String = password.split_whitespace().collect();
                joined.len() == 16 && letters(&joined)
            }
            Self::Groups4 => {
                let groups: Vec<&str> = password.split('-').collect();
                groups.len() == 4 && groups.iter().all(|group| group.len() == 4 && letters(group))
            }
            Self::Any => true,
        }
    }

    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Letters16 => "sixteen small letters",
            Self::Groups4 => "four groups of four letters",
            Self::Any => "what the provider shows once",
        }
    }
}

/// The provider a host belongs to, and the server if the host is one of its servers for this protocol.
pub(crate) fn of(host: &str, speaks: Option<Spoken>) -> Option<(&'static Provider, Option<&'static Server>)> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let named = |server: &&Server| server.hosts.contains(&host.as_str());
    PROVIDERS.iter().find_map(|provider| {
        provider.servers.iter().find(named)?;
        let right = provider.servers.iter().filter(named).find(|server| Some(server.speaks) == speaks);
        Some((provider, right))
    })
}

impl Provider {
    /// Its server for a protocol.
    pub(crate) fn server(&self, speaks: Spoken) -> Option<&Server> {
        self.servers.iter().find(|server| server.speaks == speaks)
    }
}

const fn server(
    speaks: Spoken,
    hosts: &'static [&'static str],
    doors: &'static [(u16, TlsMode)],
    closed: &'static [u16],
) -> Server {
    Server { speaks, hosts, doors, closed }
}

use Spoken::{Imap, Pop3, Smtp};
const IMAPS: &[(u16, TlsMode)] = &[(993, TlsMode::Implicit)];
const POP3S: &[(u16, TlsMode)] = &[(995, TlsMode::Implicit)];
const SUBMISSION: &[(u16, TlsMode)] = &[(587, TlsMode::StartTls)];
const BOTH: &[(u16, TlsMode)] = &[(465, TlsMode::Implicit), (587, TlsMode::StartTls)];

/// The table.
pub(crate) static PROVIDERS: &[Provider] = &[
    Provider {
        name: "Gmail",
        servers: &[
            server(Imap, &["imap.gmail.com", "imap.googlemail.com"], IMAPS, &[143]),
            server(Pop3, &["pop.gmail.com", "pop.googlemail.com"], POP3S, &[110]),
            server(Smtp, &["smtp.gmail.com", "smtp.googlemail.com"], BOTH, &[]),
        ],
        sign_in: SignIn::AppPassword {
            made_at: "myaccount.google.com/apppasswords (the account needs 2-Step Verification)",
            shape: Shape::Letters16,
            scope: Some("https://mail.google.com/"),
        },
        user: "me@gmail.com",
    },
    Provider {
        name: "Microsoft",
        servers: &[
            server(Imap, &["outlook.office365.com", "imap-mail.outlook.com"], IMAPS, &[]),
            server(Pop3, &["outlook.office365.com", "pop-mail.outlook.com"], POP3S, &[]),
            server(Smtp, &["smtp.office365.com", "smtp-mail.outlook.com"], SUBMISSION, &[465]),
        ],
        sign_in: SignIn::TokenOnly {
            scopes: &[
                (Imap, "https://outlook.office.com/IMAP.AccessAsUser.All"),
                (Pop3, "https://outlook.office.com/POP.AccessAsUser.All"),
                (Smtp, "https://outlook.office.com/SMTP.Send"),
            ],
        },
        user: "me@outlook.com",
    },
    Provider {
        name: "Yahoo Mail",
        servers: &[
            server(Imap, &["imap.mail.yahoo.com"], IMAPS, &[]),
            server(Pop3, &["pop.mail.yahoo.com"], POP3S, &[]),
            server(Smtp, &["smtp.mail.yahoo.com"], BOTH, &[]),
        ],
        sign_in: SignIn::AppPassword {
            made_at: "login.yahoo.com/account/security",
            shape: Shape::Letters16,
            scope: None,
        },
        user: "me@yahoo.com",
    },
    Provider {
        name: "AOL Mail",
        servers: &[
            server(Imap, &["imap.aol.com"], IMAPS, &[]),
            server(Pop3, &["pop.aol.com"], POP3S, &[]),
            server(Smtp, &["smtp.aol.com"], BOTH, &[]),
        ],
        sign_in: SignIn::AppPassword {
            made_at: "login.aol.com/account/security",
            shape: Shape::Letters16,
            scope: None,
        },
        user: "me@aol.com",
    },
    Provider {
        name: "iCloud Mail",
        servers: &[
            server(Imap, &["imap.mail.me.com"], IMAPS, &[]),
            server(Smtp, &["smtp.mail.me.com"], SUBMISSION, &[]),
        ],
        sign_in: SignIn::AppPassword { made_at: "account.apple.com", shape: Shape::Groups4, scope: None },
        user: "me@icloud.com",
    },
    Provider {
        name: "Fastmail",
        servers: &[
            server(Imap, &["imap.fastmail.com"], IMAPS, &[]),
            server(Pop3, &["pop.fastmail.com"], POP3S, &[]),
            server(Smtp, &["smtp.fastmail.com"], BOTH, &[]),
        ],
        sign_in: SignIn::AppPassword {
            made_at: "app.fastmail.com under Settings, Privacy & Security",
            shape: Shape::Any,
            scope: None,
        },
        user: "me@fastmail.com",
    },
    Provider {
        name: "GMX",
        servers: &[
            server(Imap, &["imap.gmx.net", "imap.gmx.com"], IMAPS, &[]),
            server(Pop3, &["pop.gmx.net", "pop.gmx.com"], POP3S, &[]),
            server(Smtp, &["mail.gmx.net", "mail.gmx.com"], BOTH, &[]),
        ],
        sign_in: SignIn::Password { first: "switch on POP3 and IMAP access in GMX's settings" },
        user: "me@gmx.net",
    },
    Provider {
        name: "Zoho Mail",
        servers: &[
            server(Imap, &["imap.zoho.com", "imappro.zoho.com"], IMAPS, &[]),
            server(Pop3, &["pop.zoho.com", "poppro.zoho.com"], POP3S, &[]),
            server(Smtp, &["smtp.zoho.com", "smtppro.zoho.com"], BOTH, &[]),
        ],
        sign_in: SignIn::Password {
            first: "switch on IMAP or POP access in Zoho's settings, and with two-factor sign-in make an app password",
        },
        user: "me@zoho.com",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_whole() {
        for provider in PROVIDERS {
            assert!(provider.user.contains('@'), "{}", provider.name);
            for server in provider.servers {
                assert!(!server.doors.is_empty() && !server.hosts.is_empty(), "{}", provider.name);
                assert!(
                    server.doors.iter().all(|(port, _)| !server.closed.contains(port)),
                    "{}",
                    provider.name
                );
                for host in server.hosts {
                    assert!(
                        of(host, Some(server.speaks)).is_some_and(|(_, found)| found.is_some()),
                        "{host}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_host_is_found_in_any_case_and_the_wrong_server_of_a_provider_too() {
        assert!(of("SMTP.Gmail.com.", Some(Smtp)).is_some_and(|(p, s)| p.name == "Gmail" && s.is_some()));
        assert!(of("smtp.gmail.com", Some(Pop3)).is_some_and(|(_, server)| server.is_none()));
        assert!(of("mail.example.org", Some(Smtp)).is_none());
    }

    #[test]
    fn shapes_of_app_passwords() {
        assert!(Shape::Letters16.fits("abcd efgh ijkl mnop") && Shape::Letters16.fits("abcdefghijklmnop"));
        assert!(!Shape::Letters16.fits("hunter2") && !Shape::Letters16.fits("ABCD efgh ijkl mnop"));
        assert!(Shape::Groups4.fits("abcd-efgh-ijkl-mnop") && !Shape::Groups4.fits("abcdefghijklmnop"));
    }
}
