//! Files that are whole or not there.

use anyhow::{Context, Result};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

/// What the name of a file begins with until it is whole.
const PARTIAL: &str = "partial-";

/// Has `write` write the file `name` in `dir`, where it appears only when it is whole.
pub fn put(dir: &Path, name: &str, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let path = dir.join(name);
    let put = || -> Result<()> {
        // Until then it has a name that nobody else uses: two programs may write the same file.
        let suffix = format!("-{name}");
        let mut partial = tempfile::Builder::new();
        partial.prefix(PARTIAL).suffix(&suffix);
        #[cfg(unix)]
        partial.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let partial = partial.tempfile_in(dir)?;
        write(partial.path())?;
        // On the disk before it has its name: a power cut leaves the old file or the new one.
        File::open(partial.path())?.sync_all()?;
        partial.persist(&path)?;
        Ok(())
    };
    put().with_context(|| format!("{} cannot be written", path.display()))
}

/// Removes what killed programs have left in `dir` of files with these names.
pub fn remove_partial(dir: &Path, names: &[&str]) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let file = entry?.file_name();
        let file = file.to_string_lossy();
        if file.starts_with(PARTIAL) && names.iter().any(|name| file.ends_with(&format!("-{name}"))) {
            remove(dir, &file)?;
        }
    }
    Ok(())
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
