//! Reads the files of MNIST and Fashion-MNIST as they are distributed: the IDX format, plain or gzipped.

use super::classes::{read_classes, usual_classes};
use super::folders::IdxFiles;
use super::{Dataset, LARGEST, PIXELS, SIDE, open};
use anyhow::{Context, Result, ensure};
use std::io::Read;
use std::path::Path;

/// The 60,000 training images of MNIST, from a folder with `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`:
/// torchvision's `datasets.MNIST(root, train=True)`, or `datasets.FashionMNIST`, told apart by its first labels.
///
/// They may be in `raw`, `MNIST/raw` or `FashionMNIST/raw` inside the folder, too, as torchvision keeps them. EMNIST's digits,
/// `emnist-digits-train-images-idx3-ubyte` and so on, are read and turned upright.
///
/// A file `batches.meta.txt` beside them, as CIFAR-10 has it, names the classes of other images in this format.
pub fn read_mnist_train(dir: impl AsRef<Path>) -> Result<Dataset> {
    read_pair(dir.as_ref(), "train")
}

/// The 10,000 test images, from `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`.
pub fn read_mnist_test(dir: impl AsRef<Path>) -> Result<Dataset> {
    read_pair(dir.as_ref(), "t10k")
}

fn read_pair(dir: &Path, part: &str) -> Result<Dataset> {
    let missing = |dir: &Path, name: &str| {
        format!("{} has no file {name}, plain or .gz: expected a folder with the MNIST files", dir.display())
    };
    let files = IdxFiles::find(dir)?.with_context(|| missing(dir, &format!("{part}-images-idx3-ubyte")))?;
    let find = |kind: &str| files.file(part, kind).with_context(|| missing(&files.dir, &files.name(part, kind)));
    let (images, labels) = (find("images")?, find("labels")?);
    let (_, values) = read_idx(&labels, |&[n]| format!("{n} labels"))?;
    let ([n, height, width], pixels) = read_idx(&images, |[n, h, w]| format!("{n} images of {h}x{w}"))?;
    let name = images.display();
    ensure!([height, width] == [SIDE; 2], "{name}: expected images of 28x28, found {height}x{width}");
    ensure!(
        n == values.len(),
        "{name} holds {n} images and {} {} labels: expected as many of each; the files are not from one data set",
        labels.display(),
        values.len()
    );
    ensure!(n > 0, "{name} holds no images");
    if let Some(i) = values.iter().position(|&label| label > 9) {
        anyhow::bail!("{}, label {i}: expected 0 to 9, found {}", labels.display(), values[i]);
    }
    let classes = read_classes(&files.dir)?.unwrap_or_else(|| usual_classes(&values));
    let pixels = if files.transposed() { transpose(&pixels) } else { pixels };
    let remark = || format!("{name}: rows and columns are exchanged in EMNIST's files, its images were turned upright");
    let remark = files.transposed().then(remark);
    Ok(Dataset { remark, ..Dataset::new(&pixels, [1, SIDE, SIDE], &values, classes)? })
}

/// Images of 28x28 with rows and columns exchanged.
fn transpose(pixels: &[u8]) -> Vec<u8> {
    let transposed = |image: &[u8]| -> Vec<u8> { (0..PIXELS).map(|i| image[i % SIDE * SIDE + i / SIDE]).collect() };
    pixels.chunks_exact(PIXELS).flat_map(transposed).collect()
}

/// The dimensions and bytes of an IDX file of `D` dimensions: two zeros, 8 (unsigned bytes), D, the dimensions as
/// big-endian u32, the bytes. `content` says in words what the dimensions promise.
fn read_idx<const D: usize>(path: &Path, content: impl Fn(&[usize; D]) -> String) -> Result<([usize; D], Vec<u8>)> {
    let name = path.display();
    let unreadable = || format!("{name} cannot be read: expected an IDX file; download it again");
    let mut file = open(path)?;
    let mut magic = [0; 4];
    file.read_exact(&mut magic).with_context(unreadable)?;
    ensure!(
        magic == [0, 0, 8, D as u8],
        "{name}: expected an IDX file of {D} dimension(s), which starts with 0000080{D}, found {}: \
         another file has this name; download it again",
        magic.map(|byte| format!("{byte:02x}")).concat()
    );
    let mut dimensions = [0; D];
    for dimension in &mut dimensions {
        let mut bytes = [0; 4];
        file.read_exact(&mut bytes).with_context(unreadable)?;
        *dimension = u32::from_be_bytes(bytes) as usize;
    }
    // Grows with what the file holds, not with what its header claims.
    let claimed = dimensions.iter().map(|&d| d as u128).product::<u128>();
    let mut bytes = Vec::new();
    let limit = (claimed + 1).min(LARGEST.into()) as u64;
    file.take(limit).read_to_end(&mut bytes).with_context(unreadable)?;
    ensure!((bytes.len() as u64) < LARGEST, "{name} holds {LARGEST} bytes or more: give a part of it");
    let found = if bytes.len() as u128 > claimed { "more".into() } else { bytes.len().to_string() };
    ensure!(
        bytes.len() as u128 == claimed,
        "{name}: its header promises {}, {claimed} bytes, found {found}: the file is damaged; download it again",
        content(&dimensions)
    );
    Ok((dimensions, bytes))
}

#[cfg(test)]
mod tests {
    use super::{LARGEST, read_mnist_train};
    use std::fs::{self, File};

    #[test]
    fn a_sound_file_that_is_too_large_is_not_called_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let images = (LARGEST / 784 + 1) as u32;
        let head = |dimensions: &[u32]| {
            let bytes = dimensions.iter().flat_map(|length| length.to_be_bytes());
            [0, 0, 8, dimensions.len() as u8].into_iter().chain(bytes).collect::<Vec<u8>>()
        };
        let labels = [head(&[images]), vec![0; images as usize]].concat();
        fs::write(dir.path().join("train-labels-idx1-ubyte"), labels).unwrap();
        let path = dir.path().join("train-images-idx3-ubyte");
        fs::write(&path, head(&[images, 28, 28])).unwrap();
        File::options().append(true).open(&path).unwrap().set_len(16 + 784 * u64::from(images)).unwrap();
        let error = format!("{:#}", read_mnist_train(dir.path()).unwrap_err());
        assert!(error.contains("train-images-idx3-ubyte holds ") && error.contains("give a part of it"), "{error}");
    }
}
