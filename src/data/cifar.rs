//! Reads CIFAR-10's binary version, plain or gzipped: colour images of 32x32 pixels.

use super::classes::{CIFAR10, read_classes};
use super::{Dataset, LARGEST, open};
use anyhow::{Context, Result, ensure};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Channels (red, green, blue), height and width.
const SIZE: [usize; 3] = [3, 32, 32];
/// An image in its file: a byte for the label, then the channels, each row by row.
const RECORD: usize = 1 + SIZE[0] * SIZE[1] * SIZE[2];
const BATCHES: u8 = 5;
const TEST_BATCH: &str = "test_batch.bin";

/// The training images of CIFAR-10, `[N, 3, 32, 32]`, 50,000 of them: torchvision's `datasets.CIFAR10(root, train=True)`.
///
/// They are in `data_batch_1.bin` to `data_batch_5.bin`, or as many of these as there are, in `dir` or in
/// `cifar-10-batches-bin` inside it. Where `batches.meta.txt` lies beside them it names the ten classes, so images of your
/// own can be written in this format, too. Errors name the file, the image, and what was expected and found.
pub fn read_cifar10_train(dir: impl AsRef<Path>) -> Result<Dataset> {
    let dir = folder(dir.as_ref());
    let last = (1..=BATCHES).rev().find(|&number| find(&dir, &batch(number)).is_some());
    let batches = (1..=last.unwrap_or(1)).map(|number| {
        let but = last.map(|last| format!(", but {}", batch(last))).unwrap_or_default();
        find(&dir, &batch(number)).with_context(|| missing(&dir, &batch(number), &but))
    });
    read_batches(&dir, &batches.collect::<Result<Vec<_>>>()?)
}

/// The 10,000 test images, from `test_batch.bin`: torchvision's `datasets.CIFAR10(root, train=False)`.
pub fn read_cifar10_test(dir: impl AsRef<Path>) -> Result<Dataset> {
    let dir = folder(dir.as_ref());
    let path = find(&dir, TEST_BATCH).with_context(|| missing(&dir, TEST_BATCH, ""))?;
    read_batches(&dir, &[path])
}

/// Whether `dir` holds images in CIFAR-10's format.
pub fn is_cifar10(dir: impl AsRef<Path>) -> bool {
    let dir = folder(dir.as_ref());
    (1..=BATCHES).map(batch).chain([TEST_BATCH.into()]).any(|name| find(&dir, &name).is_some())
}

/// Whether `dir` holds the test images of CIFAR-10.
pub(super) fn has_test(dir: &Path) -> bool {
    find(&folder(dir), TEST_BATCH).is_some()
}

/// `dir`, or the folder inside it that CIFAR-10's archive makes.
fn folder(dir: &Path) -> PathBuf {
    let inside = dir.join("cifar-10-batches-bin");
    if inside.is_dir() { inside } else { dir.to_owned() }
}

fn batch(number: u8) -> String {
    format!("data_batch_{number}.bin")
}

fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    ["", ".gz"].map(|gz| dir.join(format!("{name}{gz}"))).into_iter().find(|path| path.is_file())
}

fn missing(dir: &Path, name: &str, but: &str) -> String {
    format!(
        "{} has no file {name}, plain or .gz{but}: expected CIFAR-10's binary version, its batches without a gap; \
         unpack it again",
        dir.display()
    )
}

fn read_batches(dir: &Path, paths: &[PathBuf]) -> Result<Dataset> {
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for path in paths {
        let name = path.display();
        let mut bytes = Vec::new();
        let unreadable = || format!("{name} cannot be read: expected CIFAR-10's binary version; unpack it again");
        open(path)?.take(LARGEST).read_to_end(&mut bytes).with_context(unreadable)?;
        ensure!((bytes.len() as u64) < LARGEST, "{name} holds {LARGEST} bytes or more: give a part of it");
        ensure!(!bytes.is_empty(), "{name} holds no images");
        let (images, rest) = bytes.as_chunks::<RECORD>();
        ensure!(
            rest.is_empty(),
            "{name}: expected {RECORD} bytes for each image, found {} behind image {}: \
             the file is cut off or not in CIFAR-10's binary version; unpack it again",
            rest.len(),
            images.len()
        );
        for (i, image) in images.iter().enumerate() {
            let label = image[0];
            ensure!(
                label < 10,
                "{name}, image {i}: expected a label from 0 to 9, found {label}: \
                 the file is damaged or not in CIFAR-10's binary version; unpack it again"
            );
            labels.push(label);
            pixels.extend_from_slice(&image[1..]);
        }
    }
    let classes = read_classes(dir)?.unwrap_or_else(|| CIFAR10.map(String::from).into());
    Ok(Dataset::new(&pixels, SIZE, &labels, classes)?)
}
