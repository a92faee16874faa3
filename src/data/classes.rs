//! The names of the classes: the digits', Fashion-MNIST's, CIFAR-10's, or those of a file.

use super::open;
use anyhow::{Context, Result, ensure};
use std::io::Read;
use std::path::Path;

/// As torchvision's `datasets.FashionMNIST` names them.
const FASHION_MNIST: [&str; 10] =
    ["T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"];
/// As its `batches.meta.txt` names them, and torchvision's `datasets.CIFAR10`.
pub(super) const CIFAR10: [&str; 10] =
    ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];

/// The file beside the images that names their classes, one a line, as CIFAR-10 has it.
pub(super) const NAMES: &str = "batches.meta.txt";
/// The most bytes that are read of it, and the most characters of a name: pictures and tables have no room for more.
const LONGEST_FILE: u64 = 1 << 16;
const LONGEST_NAME: usize = 40;

/// The first labels of Fashion-MNIST, to train on and to test on: its files have the names of MNIST's. Then those of its CSVs
/// on Kaggle, which have another order.
const FASHION_LABELS: [&[u8]; 4] =
    [&[9, 0, 0, 3, 0, 2, 7, 2, 5, 5], &[9, 2, 1, 1, 6, 1, 4, 6, 5, 7], &[2, 9, 6, 0, 3], &[0, 1, 2, 2, 3]];

/// Whether these are Fashion-MNIST's labels: they begin as its do.
pub(super) fn is_fashion(labels: &[u8]) -> bool {
    let begins = |known: &&[u8]| labels.iter().zip(*known).all(|(label, known)| label == known);
    labels.len() >= 5 && FASHION_LABELS.iter().any(begins)
}

/// The classes' names where nothing but the labels tells.
pub(super) fn usual_classes(labels: &[u8]) -> Vec<String> {
    if is_fashion(labels) { FASHION_MNIST.map(String::from).into() } else { digits() }
}

/// "0" to "9".
pub fn digits() -> Vec<String> {
    (0..10).map(|digit| digit.to_string()).collect()
}

/// The ten names in `batches.meta.txt` in `dir`; nothing where there is no such file.
///
/// Errors name the file, the line, what was expected and what was found.
pub(super) fn read_classes(dir: &Path) -> Result<Option<Vec<String>>> {
    let path = dir.join(NAMES);
    if !path.is_file() {
        return Ok(None);
    }
    let name = path.display();
    let remedy = "correct it, or delete it: then the classes have their usual names";
    let mut text = String::new();
    let unreadable = || format!("{name} cannot be read: expected the names of the ten classes, one per line; {remedy}");
    open(&path)?.take(LONGEST_FILE).read_to_string(&mut text).with_context(unreadable)?;
    let classes: Vec<String> = text.trim_end().lines().map(|line| line.trim().to_owned()).collect();
    for (line, class) in (1..).zip(&classes) {
        let is_name = (1..=LONGEST_NAME).contains(&class.chars().count()) && !class.contains(char::is_control);
        let found: String = class.chars().take(LONGEST_NAME).flat_map(char::escape_debug).collect();
        ensure!(
            is_name,
            "{name}, line {line}: expected a name of 1 to {LONGEST_NAME} characters, found '{found}': {remedy}"
        );
    }
    ensure!(
        classes.len() == 10,
        "{name}: expected the names of ten classes, one per line, found {}: {remedy}",
        classes.len()
    );
    Ok(Some(classes))
}
