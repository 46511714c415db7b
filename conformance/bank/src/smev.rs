//! The bank as a participant of SMEV 3: it sends requests in signed envelopes, takes answers from its queue, and answers
//! what the portal asks. One call at a time goes to the queue, since what it hands out may be meant for any flow.

pub(crate) mod ask;
mod attachments;
mod envelope;
pub(crate) mod provide;
mod queue;
mod verify;

pub(crate) use queue::Queue;
