//! How much each client can have of what there is for all: one that takes all it gets leaves something for others.

use super::super::locked;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, Weak};
use tokio::sync::Semaphore;

pub struct Shares {
    each: usize,
    /// The clients that have something now.
    clients: Mutex<HashMap<IpAddr, Weak<Semaphore>>>,
}

impl Shares {
    pub fn new(each: usize) -> Self {
        Self { each, clients: Mutex::default() }
    }

    /// The places of the client at this address.
    pub fn of(&self, client: IpAddr) -> Arc<Semaphore> {
        let mut clients = locked(&self.clients);
        if let Some(share) = clients.get(&client).and_then(Weak::upgrade) {
            return share;
        }
        clients.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new(self.each));
        clients.insert(client, Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_its_own_places_and_none_is_remembered_that_has_gone() {
        let shares = Shares::new(2);
        let client = |last| IpAddr::from([192, 168, 1, last]);
        let taken: Vec<_> = (0..2).map(|_| shares.of(client(1)).try_acquire_owned().unwrap()).collect();
        assert!(shares.of(client(1)).try_acquire_owned().is_err());
        assert!(shares.of(client(2)).try_acquire_owned().is_ok());
        drop(taken);
        assert!(shares.of(client(1)).try_acquire_owned().is_ok());
        (0..=255).for_each(|last| drop(shares.of(client(last))));
        assert_eq!(shares.clients.lock().unwrap().len(), 1);
    }
}
