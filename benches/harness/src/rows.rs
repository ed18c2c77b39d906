//! Every row of the table of issue 5, and some beside it that ask for nothing.

use crate::contender::{Contender, Count, Plan, Program, Server};
use crate::{rows_receive, rows_smtp, rows_smtp_cost};

pub fn all() -> Vec<Plan> {
    let mut plans = rows_smtp::plans();
    plans.extend(rows_smtp_cost::plans());
    plans.extend(rows_receive::plans());
    plans
}

/// The peers that send over one connection, each with no more messages than it can do in reasonable time.
pub fn senders(server: Server) -> Vec<Contender> {
    let fit = Count::Fit(10, 20_000);
    vec![
        Contender::new("lettre", Program::RustPeer("lettre"), server, fit),
        Contender::new("mail-send", Program::RustPeer("mail-send"), server, fit),
        Contender::new("smtplib", Program::Python("smtplib"), server, fit),
        Contender::new("Nodemailer", Program::Nodemailer, server, fit),
        Contender::new("curl", Program::CurlSmtp, server, Count::Fit(10, 2_000)),
    ]
}

/// Ours by the plugin's type and by Session and Mailer.
pub fn ours(server: Server, count: Count) -> Vec<Contender> {
    vec![
        Contender::new("ours", Program::Ours("smtp"), server, count),
        Contender::new("ours, by Mailer", Program::Ours("smtp"), server, count).with("--via mailer"),
    ]
}

pub fn limit(name: &'static str, mode: &str, server: Server, count: Count) -> Contender {
    Contender::new(name, Program::Limit("smtp"), server, count).with(&format!("--mode {mode}"))
}
