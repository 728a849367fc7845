//! Room for the bodies of requests, from when they are read until they are answered, and for what guests print until then: a
//! queue of large bodies is memory too. Not here: reading them (`dialect`).

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use trace::Bytes;

/// Room is given out in pieces of so many bytes.
const PIECE: u64 = 4 << 10;

/// Of what all calls together may have, the part that bodies may have besides.
const SHARE: u64 = 8;

/// All the room there is.
pub(crate) struct Bodies(Arc<Semaphore>);

/// Room that a body has. Goes back when it is dropped.
pub(crate) struct Room {
    /// `None`: nobody else has to make room.
    all: Option<Arc<Semaphore>>,
    held: Option<OwnedSemaphorePermit>,
    bytes: u64,
}

impl Bodies {
    /// Room beside the memory of calls, but for one body at least.
    pub(crate) fn beside(memory: Bytes, largest: usize) -> Bodies {
        let bytes = (memory.0 / SHARE).max(largest as u64);
        let pieces = usize::try_from(bytes.div_ceil(PIECE)).unwrap_or(usize::MAX);
        Bodies(Arc::new(Semaphore::new(pieces.min(Semaphore::MAX_PERMITS))))
    }

    /// Room for a body that says how long it is, once there is some; `None` where there is none for too long. Who waits
    /// holds nothing.
    pub(crate) async fn room(&self, bytes: u64, patience: Duration) -> Option<Room> {
        let acquired = self.0.clone().acquire_many_owned(pieces(bytes)?);
        let held = tokio::time::timeout(patience, acquired).await.ok()?.ok()?;
        Some(Room {
            all: Some(self.0.clone()),
            held: Some(held),
            bytes,
        })
    }
}

impl Room {
    /// For a body that nobody else has to make room for.
    pub(crate) fn nothing() -> Room {
        Room {
            all: None,
            held: None,
            bytes: 0,
        }
    }

    /// So many bytes in all, at once or not at all: who holds some does not wait for more.
    pub(crate) fn grow(&mut self, to: u64) -> bool {
        let (Some(before), Some(now)) = (pieces(self.bytes), pieces(to.max(self.bytes))) else {
            return false;
        };
        if let Some(all) = &self.all
            && now > before
        {
            let Ok(more) = all.clone().try_acquire_many_owned(now - before) else {
                return false;
            };
            match &mut self.held {
                Some(held) => held.merge(more),
                None => self.held = Some(more),
            }
        }
        self.bytes = self.bytes.max(to);
        true
    }
}

/// The room of a call: for its body, and for what its guest prints beside it.
pub(crate) struct CallRoom {
    body: u64,
    room: Mutex<Room>,
}

impl CallRoom {
    /// With the room that its body has already.
    pub(crate) fn of(body: Room) -> Arc<CallRoom> {
        Arc::new(CallRoom {
            body: body.bytes,
            room: Mutex::new(body),
        })
    }

    /// Bytes of its body.
    pub(crate) fn body(&self) -> u64 {
        self.body
    }
}

impl host::OutputRoom for CallRoom {
    fn grow(&self, to: u64) -> bool {
        let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
        room.grow(self.body.saturating_add(to))
    }
}

fn pieces(bytes: u64) -> Option<u32> {
    u32::try_from(bytes.div_ceil(PIECE)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn room_is_given_back_and_nobody_who_holds_some_waits() {
        let bodies = Bodies::beside(Bytes(8 * 16_384), 0);
        let soon = Duration::from_millis(20);
        let mut first = bodies.room(8_192, soon).await.expect("half");
        let second = bodies.room(8_192, soon).await.expect("the other half");
        assert!(bodies.room(1, soon).await.is_none());
        assert!(!first.grow(8_193));
        drop(second);
        assert!(first.grow(16_384));
        assert!(bodies.room(1, soon).await.is_none());
        drop(first);
        assert!(bodies.room(16_384, soon).await.is_some());
    }

    #[tokio::test]
    async fn what_a_guest_prints_has_its_room_beside_its_body() {
        use host::OutputRoom as _;
        let bodies = Bodies::beside(Bytes(8 * 16_384), 0);
        let soon = Duration::from_millis(20);
        let call = CallRoom::of(bodies.room(4_096, soon).await.expect("a quarter"));
        assert!(call.grow(12_288));
        assert!(!call.grow(12_289));
        drop(call);
        assert!(bodies.room(16_384, soon).await.is_some());
        assert!(CallRoom::of(Room::nothing()).grow(1 << 30));
    }
}
