//! What a transport remembers of its server from one connection to the next. No I/O.

use crate::engine::Flow;

/// What is known of the server's pipelining, kept from one connection to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pipelining {
    /// It has not been tried.
    #[default]
    Unknown,
    /// It works.
    Works,
    /// It may have been to blame for what went wrong: the next message goes without it.
    Suspect,
    /// It is offered and does not work.
    Broken,
}

/// What a transport remembers of its server.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Habits {
    pipelining: Pipelining,
    /// BDAT is offered and not there.
    no_chunking: bool,
}

impl Habits {
    /// False while pipelining is not to be used, whatever is offered.
    pub(crate) fn may_pipeline(self) -> bool {
        !matches!(self.pipelining, Pipelining::Suspect | Pipelining::Broken)
    }

    /// True if pipelined commands have been answered as they should be.
    pub(crate) fn are_proven(self) -> bool {
        self.pipelining == Pipelining::Works
    }

    /// False if BDAT is not to be used, whatever is offered.
    pub(crate) fn may_chunk(self) -> bool {
        !self.no_chunking
    }

    /// Learns from what happened on a connection.
    pub(crate) fn learn(&mut self, flow: &Flow) {
        self.no_chunking |= flow.has_no_chunking();
        self.pipelining = match self.pipelining {
            Pipelining::Suspect if flow.is_acquitted() => Pipelining::Unknown,
            Pipelining::Suspect => Pipelining::Broken,
            Pipelining::Unknown | Pipelining::Works if flow.is_out_of_step() => Pipelining::Suspect,
            Pipelining::Unknown if flow.is_proven() => Pipelining::Works,
            known => known,
        };
    }
}
