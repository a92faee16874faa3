//! Files that are whole or not there.

use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

/// Has `write` write the file `name` in `dir`, where it appears only when it is whole.
pub fn put(dir: &Path, name: &str, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let (path, partial) = (dir.join(name), dir.join(format!("partial-{name}")));
    // On the disk before it has its name: a power cut leaves the old file or the new one.
    let synced = write(&partial).and_then(|()| Ok(File::open(&partial)?.sync_all()?));
    let written = synced.and_then(|()| Ok(fs::rename(&partial, &path)?));
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written.with_context(|| format!("{} cannot be written", path.display()))
}

/// Removes the file `name` from `dir`, where it may be missing.
pub fn remove(dir: &Path, name: &str) -> Result<()> {
    match fs::remove_file(dir.join(name)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", dir.join(name).display()))
        }
        _ => Ok(()),
    }
}
