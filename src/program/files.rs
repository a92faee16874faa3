//! Files that are whole or not there, and that are read only where they are files.

use anyhow::{Context, Result, ensure};
use std::fs::{self, File, FileType, Metadata};
use std::io::{self, ErrorKind, Read, Take, Write};
use std::path::Path;

/// What the name of a file begins with until it is whole, and how many random characters come between that and its name.
const PARTIAL: &str = "partial-";
const RANDOM: usize = 12;

/// What is said of an empty path, which names nothing.
pub const EMPTY_PATH: &str = "the path is empty: give a name, or leave the option out";

/// Has `write` write the file `name` in `dir`, where it appears only when it is whole. What stood there under that name is
/// replaced, a link and not what it leads to.
pub fn put(dir: &Path, name: &str, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
    let path = dir.join(name);
    let put = || -> Result<()> {
        // Until then it has a name that nobody else uses: two programs may write the same file.
        let suffix = format!("-{name}");
        let mut new = tempfile::Builder::new();
        new.prefix(PARTIAL).rand_bytes(RANDOM).suffix(&suffix);
        #[cfg(unix)]
        new.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let _ = remove_partial(dir, &[name]); // if one stays, this file can be written nevertheless
        let partial = loop {
            let partial = new.tempfile_in(dir)?;
            #[cfg(unix)] // elsewhere a lock keeps out the writer, too
            let _ = partial.as_file().lock(); // where files cannot be locked, nothing is removed
            // Before it was locked, another program may have removed it as one that was left. One name in 400 has no capital, and
            // would not be known for what it is.
            let is_ours = partial.path().file_name().is_some_and(|file| is_partial(&file.to_string_lossy(), &[name]));
            if partial.path().exists() && is_ours {
                break partial;
            }
        };
        write(partial.path())?;
        // On the disk before it has its name: a power cut leaves the old file or the new one.
        File::open(partial.path())?.sync_all()?;
        partial.persist(&path)?;
        Ok(())
    };
    put().with_context(|| format!("{} cannot be written", path.display()))
}

/// Writes to a path that a person has named: a file is whole or not there; a pipe, a device and a link stay what they are, and
/// are written into.
pub fn write(path: &Path, text: &[u8]) -> Result<()> {
    let written = || format!("{} cannot be written", path.display());
    let about = match fs::metadata(path) {
        Ok(about) => about,
        Err(_) if path.is_symlink() => return fs::write(path, text).with_context(written),
        Err(_) => return put_at(path, text),
    };
    ensure!(!about.is_dir(), "{} is a folder: give a file's name", path.display());
    // Opened anew, a file that standard output is appended to would be written over.
    if path.is_symlink() && fs::metadata("/dev/stdout").is_ok_and(|stdout| is_same(&stdout, &about)) {
        return io::stdout().write_all(text).with_context(written);
    }
    if about.is_file() {
        return put_at(&fs::canonicalize(path).with_context(written)?, text);
    }
    File::options().write(true).open(path).and_then(|mut file| file.write_all(text)).with_context(written)
}

fn put_at(path: &Path, text: &[u8]) -> Result<()> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let unwritable = |why| format!("{} cannot be written: {why}", path.display());
    let name = path.file_name().with_context(|| unwritable("give a file's name"))?;
    let name = name.to_str().with_context(|| unwritable("its name is not UTF-8, give another one"))?;
    put(dir, name, |path| Ok(fs::write(path, text)?))
}

/// Whether both paths lead to one regular file, by whatever names and links.
pub fn are_one_file(a: &Path, b: &Path) -> bool {
    match (fs::metadata(a), fs::metadata(b), fs::canonicalize(a), fs::canonicalize(b)) {
        (Ok(about), Ok(other), Ok(a), Ok(b)) => about.is_file() && (a == b || is_same(&about, &other)),
        _ => false,
    }
}

#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    false
}

/// Opens a regular file to read, of which there are at most `most` bytes.
///
/// Looked at before it is opened: to open a pipe waits for somebody who writes, and a device may have no end.
pub fn open(path: &Path, most: u64) -> Result<Take<File>> {
    let unreadable = || format!("{} cannot be read", path.display());
    let about = fs::metadata(path).with_context(unreadable)?;
    let expected = || format!("{}: expected a regular file of at most {most} bytes", path.display());
    ensure!(about.is_file(), "{}, found {}", expected(), kind(about.file_type()));
    ensure!(about.len() <= most, "{}, found {} bytes", expected(), about.len());
    Ok(File::open(path).with_context(unreadable)?.take(most))
}

fn kind(kind: FileType) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        if kind.is_fifo() {
            return "a pipe";
        } else if kind.is_socket() {
            return "a socket";
        }
    }
    if kind.is_dir() { "a folder" } else { "a device" }
}

/// Whether `file` is what a file with one of these names is called until it is whole.
fn is_partial(file: &str, names: &[&str]) -> bool {
    let random_and_name = file.strip_prefix(PARTIAL).and_then(|rest| rest.split_at_checked(RANDOM));
    random_and_name.is_some_and(|(random, name)| {
        // A word or a date is not random: that file is somebody's own.
        let is_random = random.chars().all(char::is_alphanumeric) && random.chars().skip(1).any(char::is_uppercase);
        is_random && name.strip_prefix('-').is_some_and(|name| names.contains(&name))
    })
}

/// Removes what killed programs have left in `dir` of files with these names. A living one has locked what it is writing.
pub fn remove_partial(dir: &Path, names: &[&str]) -> Result<()> {
    for entry in fs::read_dir(dir).with_context(|| format!("{} cannot be listed", dir.display()))? {
        let entry = entry?;
        let file = entry.file_name();
        let file = file.to_string_lossy();
        if is_partial(&file, names) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            // Locked until it is removed: nobody begins to write to it meanwhile.
            if let Ok(opened) = File::open(entry.path())
                && opened.try_lock_shared().is_ok()
            {
                remove(dir, &file)?;
            }
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

#[cfg(test)]
mod tests {
    use super::{is_partial, put, write};
    use std::fs;
    use std::path::Path;

    #[test]
    fn every_name_that_a_file_has_until_it_is_whole_is_known_for_one() {
        let dir = tempfile::tempdir().unwrap();
        for _ in 0..2000 {
            put(dir.path(), "file", |path| {
                let name = path.file_name().unwrap().to_str().unwrap();
                assert!(is_partial(name, &["file"]), "{name}");
                Ok(fs::write(path, "")?)
            })
            .unwrap();
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_path_that_cannot_be_written_is_told_why() {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};

        let dir = tempfile::tempdir().unwrap();
        let why = |path: &Path| write(path, b"text").unwrap_err().to_string();
        let not_utf8 = dir.path().join(OsStr::from_bytes(b"\xff.csv"));
        assert!(why(&not_utf8).contains("its name is not UTF-8, give another one"), "{}", why(&not_utf8));
        let no_name = dir.path().join("missing/..");
        assert!(why(&no_name).contains("give a file's name"), "{}", why(&no_name));
    }
}
