//! Any bytes as the two IDX files of a data set, plain or gzipped: images or an error. The first two bytes say where the
//! labels begin.
#![no_main]

use cnn_tutorial::data;
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

static DIR: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = std::env::temp_dir().join(format!("cnn-tutorial-fuzz-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    dir
});

fuzz_target!(|bytes: &[u8]| {
    let Some((place, files)) = bytes.split_first_chunk::<2>() else { return };
    let (images, labels) = files.split_at(usize::from(u16::from_le_bytes(*place)).min(files.len()));
    fs::write(DIR.join("train-images-idx3-ubyte"), images).unwrap();
    fs::write(DIR.join("train-labels-idx1-ubyte"), labels).unwrap();
    if let Ok(dataset) = data::read_mnist_train(&*DIR) {
        assert_eq!(dataset.images.size(), [dataset.len(), 1, 28, 28]);
    }
});
