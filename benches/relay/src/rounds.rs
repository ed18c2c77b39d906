//! What a round trip is: something the client said that it could not have said without hearing an answer first.
//!
//! What the client says is of the round after the one whose answers it has heard; what the server says is of the round
//! that it has heard. A client that asks and waits adds one each time. One that keeps a window of messages in flight adds
//! one for each time that a window's worth has come around, however often the two directions take turns meanwhile.

/// Of one connection.
#[derive(Clone, Copy, Default)]
pub struct Rounds {
    client_knows: u64,
    server_knows: u64,
    client_is_next: bool,
    /// The number of the last round that was begun: how many round trips the client has begun to wait for.
    pub deepest: u64,
    /// How often the client spoke after the server had.
    pub turns: u64,
}

impl Rounds {
    pub fn client_spoke(&mut self) -> u64 {
        let depth = self.client_knows + 1;
        self.deepest = self.deepest.max(depth);
        self.turns += u64::from(std::mem::take(&mut self.client_is_next));
        depth
    }

    pub fn server_spoke(&mut self) -> u64 {
        self.server_knows
    }

    pub fn server_heard(&mut self, depth: u64) {
        self.server_knows = self.server_knows.max(depth);
    }

    pub fn client_heard(&mut self, depth: u64) {
        self.client_knows = self.client_knows.max(depth);
        self.client_is_next = true;
    }
}
