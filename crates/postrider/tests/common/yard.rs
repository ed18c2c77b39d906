//! A transport with a window: it takes messages while it has room, and answers come when the test says so.

use super::Clock;
use postrider::*;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No(ErrorKind),
    /// The transport ends the batch and says nothing of what is in flight.
    Silence,
    Panic,
    /// The transport gives way this often after its answer, before it goes on.
    Slowly(usize),
}

#[derive(Default)]
pub struct State {
    /// Every message with the number of the connection that took it, in that order.
    pub taken: Vec<(usize, String)>,
    pub dials: usize,
    pub open: usize,
    pub most_open: usize,
    pub most_in_flight: usize,
    /// Goodbyes.
    pub closed: usize,
    /// Answers to come, the oldest in flight first on whatever connection asks.
    pub answers: VecDeque<Answer>,
    /// What is said when there is no answer in line.
    pub always: Option<Answer>,
    wakers: Vec<Waker>,
}

#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub dials: usize,
    pub open: usize,
    pub most_open: usize,
    pub most_in_flight: usize,
    pub closed: usize,
}

/// What the test shares with its transports.
#[derive(Clone)]
pub struct Yard(Arc<Mutex<State>>, usize);

impl Yard {
    /// Each connection has at most this many in flight.
    pub fn new(window: usize) -> Self {
        Self(Arc::default(), window)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The numbers of the moment.
    pub fn seen(&self) -> Seen {
        let state = self.state();
        let State { dials, open, most_open, most_in_flight, closed, .. } = *state;
        Seen { dials, open, most_open, most_in_flight, closed }
    }

    pub fn answer(&self, answers: impl IntoIterator<Item = Answer>) {
        let wakers = {
            let mut state = self.state();
            state.answers.extend(answers);
            std::mem::take(&mut state.wakers)
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// From here on every message is answered at once.
    pub fn always(&self, answer: Answer) {
        self.state().always = Some(answer);
        self.answer([]);
    }

    pub fn taken(&self) -> Vec<String> {
        self.state().taken.iter().map(|(_, text)| text.clone()).collect()
    }

    /// A session that sends by this yard.
    pub fn session(&self, clock: &Clock, overrides: &str) -> Session {
        let text = format!("mail.transport.protocol=yard\nmail.send.allowreserved=true\n{overrides}");
        let mut registry = Registry::empty();
        self.add(&mut registry, "yard");
        let builder = Session::builder().overrides(&text).unwrap().registry(registry);
        builder.host(Arc::new(clock.clone())).build().unwrap()
    }

    pub fn add(&self, registry: &mut Registry, name: &'static str) {
        let yard = self.clone();
        let make = move |_: &Properties, _: Arc<dyn Host>| Ok(yard.transport());
        let factory = TransportFactory::outgoing(name, Box::leak(Box::new(make)));
        registry.add(Box::leak(Box::new(factory)), "this test").unwrap();
    }

    pub fn transport(&self) -> Box<dyn OutgoingTransport> {
        Box::new(Lorry { yard: self.clone(), number: None })
    }

    pub fn mailer(&self, overrides: &str) -> Mailer {
        self.session(&Clock::default(), overrides).mailer().unwrap()
    }

    fn next(&self, cx: &Context<'_>) -> Option<Answer> {
        let mut state = self.state();
        let answer = state.answers.pop_front().or(state.always);
        if answer.is_none() {
            state.wakers.push(cx.waker().clone());
        }
        answer
    }
}

pub struct Lorry {
    yard: Yard,
    number: Option<usize>,
}

impl Drop for Lorry {
    fn drop(&mut self) {
        if self.number.is_some() {
            self.yard.state().open -= 1;
        }
    }
}

impl Lorry {
    fn dial(&mut self) -> usize {
        let mut state = self.yard.state();
        *self.number.get_or_insert_with(|| {
            state.dials += 1;
            state.open += 1;
            state.most_open = state.most_open.max(state.open);
            state.dials
        })
    }
}

#[async_trait]
impl OutgoingTransport for Lorry {
    async fn send(&mut self, envelope: &Envelope, body: Body<'_>) -> Result<Receipt> {
        let mut one = Messages::new(vec![(envelope.clone(), body)]);
        self.send_all(&mut one).await;
        one.outcomes().remove(0)
    }

    async fn send_all(&mut self, batch: &mut dyn Batch<'_>) {
        let (mut next, mut first, mut ended) = (0, 0, false);
        let mut flying: VecDeque<Envelope> = VecDeque::new();
        loop {
            enum Event<'a> {
                Message(Option<(Envelope, Body<'a>)>),
                Answer(Answer),
            }
            let event = poll_fn(|cx| {
                if !ended
                    && flying.len() < self.yard.1
                    && let Poll::Ready(message) = batch.poll_message(cx)
                {
                    return Poll::Ready(Event::Message(message));
                }
                if !flying.is_empty()
                    && let Some(answer) = self.yard.next(cx)
                {
                    return Poll::Ready(Event::Answer(answer));
                }
                if ended && flying.is_empty() { Poll::Ready(Event::Message(None)) } else { Poll::Pending }
            });
            match event.await {
                Event::Message(None) if flying.is_empty() => return,
                Event::Message(None) => ended = true,
                Event::Message(Some((envelope, body))) => {
                    let number = self.dial();
                    let text = body.read_all(1 << 20).await.unwrap();
                    let text = String::from_utf8(text.to_vec()).unwrap();
                    flying.push_back(envelope);
                    let mut state = self.yard.state();
                    state.taken.push((number, text));
                    state.most_in_flight = state.most_in_flight.max(flying.len());
                    next += 1;
                }
                Event::Answer(answer) => {
                    let outcome = match answer {
                        Answer::Yes | Answer::Slowly(_) => Ok(super::receipt(&flying[0])),
                        Answer::No(kind) => Err(Error::new(kind, Phase::EndOfData, "no")),
                        Answer::Silence => return,
                        Answer::Panic => panic!("the transport panics"),
                    };
                    flying.pop_front();
                    batch.report(first, outcome);
                    first += 1;
                    if let Answer::Slowly(times) = answer {
                        for _ in 0..times {
                            super::give_way().await;
                        }
                    }
                }
            }
            assert!(first <= next);
        }
    }

    async fn connect(&mut self) -> Result<()> {
        self.dial();
        super::give_way().await;
        Ok(())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.yard.state().closed += 1;
        Ok(())
    }
}
