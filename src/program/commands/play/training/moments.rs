//! The moments of a training that are kept, to be looked back at.

use crate::program::run::live::Tensors;
use std::sync::Arc;

/// How many are kept, and how many bytes of weights.
const MOST: usize = 200;
const MOST_BYTES: usize = 256 << 20;

/// The network's variables after so many iterations.
pub struct Moment {
    pub iteration: u64,
    /// Under `weights.`
    pub tensors: Tensors,
}

/// Those that are kept, and the last look at the training.
#[derive(Default)]
pub struct Moments {
    pub kept: Vec<Arc<Moment>>,
    pub latest: Option<Arc<Moment>>,
    /// Every how many looks one is kept, and how many there were.
    stride: usize,
    looks: usize,
}

impl Moments {
    /// Keeps the first look, and of the others so many that they fit, evenly.
    pub fn keep(&mut self, moment: Moment) {
        self.stride = self.stride.max(1);
        let most = MOST.min(MOST_BYTES / moment.tensors.bytes().max(1)).max(2);
        if self.kept.len() >= most {
            let mut place = 0;
            self.kept.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.stride *= 2;
        }
        let moment = Arc::new(moment);
        let is_new = self.latest.as_ref().is_none_or(|latest| latest.iteration < moment.iteration);
        if is_new && self.looks.is_multiple_of(self.stride) {
            self.kept.push(moment.clone());
        }
        self.looks += usize::from(is_new);
        self.latest = Some(moment);
    }

    /// The moment after `iteration` iterations or the last one before; without a number the latest.
    pub fn at(&self, iteration: Option<u64>) -> Option<&Arc<Moment>> {
        let latest = self.latest.as_ref();
        match iteration.filter(|&at| latest.is_some_and(|latest| at < latest.iteration)) {
            Some(at) => self.kept.iter().rev().find(|moment| moment.iteration <= at).or(self.kept.first()),
            None => latest,
        }
    }

    /// Forgets those after `iteration` iterations or more.
    pub fn forget_from(&mut self, iteration: u64) {
        self.kept.retain(|moment| moment.iteration < iteration);
    }

    /// These, of a training that does not stand at the latest of them any more.
    pub fn before_now(self) -> Self {
        Self { latest: None, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_kept_evenly_from_the_first_to_the_latest() {
        let mut moments = Moments::default();
        for iteration in 0..5000 {
            let moment = || Moment { iteration, tensors: Tensors::pack(Vec::new()).unwrap() };
            moments.keep(moment());
            moments.keep(moment()); // a second look at the same
            assert!(moments.kept.len() <= MOST);
        }
        let kept: Vec<u64> = moments.kept.iter().map(|moment| moment.iteration).collect();
        assert!(kept.len() > MOST / 3 && kept[0] == 0, "{kept:?}");
        assert!(kept.windows(2).all(|two| two[1] - two[0] == kept[1]), "{kept:?}");
        assert_eq!(moments.at(None).unwrap().iteration, 4999);
        assert_eq!(moments.at(Some(9999)).unwrap().iteration, 4999);
        assert_eq!(moments.at(Some(kept[3] + 1)).unwrap().iteration, kept[3]);
        assert_eq!(moments.at(Some(0)).unwrap().iteration, 0);
    }
}
