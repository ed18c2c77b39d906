//! Which reply belongs to which command. Pure.

use super::SmtpReply;
use postrider_core::Phase;
use std::collections::VecDeque;

/// A command that the server owes a reply to; the greeting and the end of data count as commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Greeting,
    Hello,
    StartTls,
    Auth,
    Mail,
    /// RCPT for the recipient of this index.
    Rcpt(usize),
    Data,
    /// BDAT that is not the last one of its message (RFC 3030).
    Chunk,
    /// The final dot, or the last BDAT.
    EndOfData,
    Reset,
    Quit,
}

impl Command {
    /// Where in a session it stands.
    pub(crate) fn phase(self) -> Phase {
        match self {
            Self::Greeting => Phase::Greeting,
            Self::Hello => Phase::Capability,
            Self::StartTls => Phase::StartTls,
            Self::Auth => Phase::Authenticate,
            Self::Mail => Phase::Sender,
            Self::Rcpt(_) => Phase::Recipient,
            Self::Data | Self::Chunk => Phase::Data,
            Self::EndOfData => Phase::EndOfData,
            Self::Reset => Phase::Reset,
            Self::Quit => Phase::Close,
        }
    }

    /// True if this code can answer it (RFC 5321 §4.3.2). Another one means that replies and commands no
    /// longer match, and nothing that follows can be believed.
    pub(crate) fn takes(self, code: u16) -> bool {
        match self {
            Self::Data => code == 354 || code >= 400,
            Self::Auth => code == 334 || code == 235 || code >= 400,
            _ => !(300..400).contains(&code),
        }
    }
}

/// The commands of setting up that are out, oldest first. Replies come in that order (RFC 2920 §3.1).
#[derive(Debug, Default)]
pub(crate) struct ReplyQueue(VecDeque<Command>);

impl ReplyQueue {
    /// A command goes out.
    pub(crate) fn expect(&mut self, command: Command) {
        self.0.push_back(command);
    }

    /// The command whose reply comes next.
    pub(crate) fn next(&self) -> Option<Command> {
        self.0.front().copied()
    }

    /// Pairs a reply with its command; `None` if it can't be the answer to what was asked.
    pub(crate) fn pair(&mut self, reply: &SmtpReply) -> Option<Command> {
        self.0.pop_front().filter(|command| command.takes(reply.code))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(code: u16) -> SmtpReply {
        SmtpReply::bare(code)
    }

    #[test]
    fn replies_are_paired_in_the_order_of_the_commands_and_misfits_are_told() {
        let mut queue = ReplyQueue::default();
        let group = [Command::Mail, Command::Rcpt(0), Command::Rcpt(1), Command::Data];
        group.into_iter().for_each(|c| queue.expect(c));
        for (command, code) in group.into_iter().zip([250, 550, 251, 354]) {
            assert_eq!(queue.next(), Some(command));
            assert_eq!(queue.pair(&reply(code)), Some(command));
        }
        assert_eq!(queue.pair(&reply(250)), None, "nobody asked");
        for (command, code) in [
            (Command::Mail, 354),
            (Command::Rcpt(0), 334),
            (Command::Data, 250),
            (Command::Data, 334),
            (Command::EndOfData, 354),
            (Command::Auth, 250),
        ] {
            queue.expect(command);
            assert_eq!(queue.pair(&reply(code)), None, "{command:?} {code}");
        }
    }
}
