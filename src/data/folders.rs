//! Which files in a folder are the images: MNIST's and Fashion-MNIST's, as torchvision keeps them, and EMNIST's.

use super::classes::{NAMES, is_fashion};
use super::{cifar, open};
use anyhow::{Context, Result, bail};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Where torchvision's root and EMNIST's archive have them.
const INSIDE: [&str; 6] = ["", "raw", "MNIST/raw", "FashionMNIST/raw", "EMNIST/raw", "gzip"];
/// What names begin with: those of MNIST, and those parts of EMNIST that are digits.
const PREFIXES: [&str; 3] = ["", "emnist-digits-", "emnist-mnist-"];
/// The parts of EMNIST that have other classes than ten.
const OTHERS: [&str; 4] = ["emnist-letters-", "emnist-balanced-", "emnist-byclass-", "emnist-bymerge-"];

/// The IDX files of one data set.
pub(super) struct IdxFiles {
    pub dir: PathBuf,
    prefix: &'static str,
}

impl IdxFiles {
    /// Those in `dir`, or inside it; nothing where there are none. Errors where there are several sets, or EMNIST's letters.
    pub fn find(dir: &Path) -> Result<Option<Self>> {
        let mut found = Self::all(dir, &PREFIXES);
        if found.iter().filter(|files| files.dir == dir).count() == 1 {
            found.retain(|files| files.dir == dir);
        }
        if let [_, _, ..] = found[..] {
            let names: Vec<_> =
                found.iter().map(|files| format!("{}*", files.dir.join(files.prefix).display())).collect();
            bail!(
                "{} holds {} sets of images, {}: give the folder of one, with no other in it",
                dir.display(),
                found.len(),
                names.join(", ")
            );
        }
        if let (true, Some(other)) = (found.is_empty(), Self::all(dir, &OTHERS).first()) {
            bail!(
                "{} holds {}images, which have other classes than the ten digits: give EMNIST's digits or mnist, or MNIST",
                other.dir.display(),
                other.prefix
            );
        }
        Ok(found.pop())
    }

    fn all(dir: &Path, prefixes: &[&'static str]) -> Vec<Self> {
        let places = INSIDE.iter().map(|inside| if inside.is_empty() { dir.to_owned() } else { dir.join(inside) });
        let files = places.flat_map(|dir| prefixes.iter().map(move |prefix| Self { dir: dir.clone(), prefix }));
        files.filter(|files| files.has("train") || files.has("t10k")).collect()
    }

    fn has(&self, part: &str) -> bool {
        ["images", "labels"].iter().any(|kind| self.file(part, kind).is_some())
    }

    /// Whether rows and columns are exchanged, as EMNIST has them.
    pub fn transposed(&self) -> bool {
        !self.prefix.is_empty()
    }

    /// The path of a file, `part` being "train" or "t10k" and `kind` "images" or "labels".
    pub fn file(&self, part: &str, kind: &str) -> Option<PathBuf> {
        find_idx(&self.dir, &self.part(part), kind)
    }

    /// What the file is called.
    pub fn name(&self, part: &str, kind: &str) -> String {
        idx_file(&self.part(part), kind)
    }

    fn part(&self, part: &str) -> String {
        let part = if self.transposed() && part == "t10k" { "test" } else { part };
        format!("{}{part}", self.prefix)
    }
}

/// What a file of MNIST is called, `part` being "train" or "t10k" and `kind` "images" or "labels".
pub fn idx_file(part: &str, kind: &str) -> String {
    format!("{part}-{kind}-idx{}-ubyte", if kind == "images" { 3 } else { 1 })
}

/// The path of a file of MNIST under any of the names it is distributed by.
pub fn find_idx(dir: &Path, part: &str, kind: &str) -> Option<PathBuf> {
    let name = idx_file(part, kind);
    let dotted = name.replace("-idx", ".idx");
    let paths = [&name, &dotted].into_iter().flat_map(|name| ["", ".gz"].map(|gz| dir.join(format!("{name}{gz}"))));
    paths.into_iter().find(|path| path.is_file())
}

/// Whether `dir` holds IDX files, readable or not.
pub fn is_idx(dir: impl AsRef<Path>) -> bool {
    !matches!(IdxFiles::find(dir.as_ref()), Ok(None))
}

/// Whether `dir` holds test images, readable or not, as IDX files or in CIFAR-10's format.
pub fn has_test(dir: impl AsRef<Path>) -> bool {
    let dir = dir.as_ref();
    cifar::has_test(dir) || IdxFiles::find(dir).map_or(true, |files| files.is_some_and(|files| files.has("t10k")))
}

/// Which data set the IDX files in `dir` are, where its names or its first labels tell.
pub fn idx_name(dir: impl AsRef<Path>) -> Option<&'static str> {
    let files = IdxFiles::find(dir.as_ref()).ok()??;
    if files.transposed() {
        return Some("EMNIST");
    }
    if files.dir.join(NAMES).is_file() {
        return None; // images of one's own
    }
    let mut head = [0; 18];
    let labels = ["train", "t10k"].iter().find_map(|part| files.file(part, "labels"))?;
    open(&labels).and_then(|mut file| file.read_exact(&mut head).context("too short")).ok()?;
    match head[8..] {
        [5, 0, 4, 1, 9, 2, 1, 3, 1, 4] | [7, 2, 1, 0, 4, 1, 4, 9, 5, 9] => Some("MNIST"),
        ref labels => is_fashion(labels).then_some("Fashion-MNIST"),
    }
}
