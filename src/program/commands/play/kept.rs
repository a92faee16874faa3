//! What was opened and stays open: a stroke has to be answered at once.

use anyhow::{Context, Result};
use std::collections::HashMap;
use std::hash::Hash;

/// How much of a kind stays open: the data of a run take some megabytes.
const MOST: usize = 8;

pub struct Kept<K, V>(HashMap<K, V>);

impl<K: Clone + Eq + Hash, V> Kept<K, V> {
    pub fn new() -> Self {
        Self(HashMap::new())
    }

    /// What was opened under this name, or is opened now. What cannot be opened leaves nothing.
    pub fn get_or_open(&mut self, name: &K, open: impl FnOnce() -> Result<V>) -> Result<&V> {
        if !self.0.contains_key(name) {
            let opened = open()?;
            if self.0.len() >= MOST {
                self.0.clear();
            }
            self.0.insert(name.clone(), opened);
        }
        self.0.get(name).context("what was opened was not kept")
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, MOST};
    use anyhow::bail;

    #[test]
    fn it_opens_once_and_keeps_few_and_nothing_that_could_not_be_opened() {
        let mut kept = Kept::new();
        for name in 0..1000 {
            assert!(kept.get_or_open(&name, || bail!("there is none")).is_err());
            assert_eq!(kept.get_or_open(&name, || Ok(name)).unwrap(), &name);
            assert_eq!(kept.get_or_open(&name, || bail!("it was open")).unwrap(), &name);
            assert!(kept.0.len() <= MOST);
        }
    }
}
