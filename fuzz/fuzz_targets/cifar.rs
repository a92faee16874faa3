//! Any bytes as a batch in CIFAR-10's format and its classes' names, plain or gzipped: images or an error. The first two
//! bytes say where the names begin.
#![no_main]

use cnn_tutorial::data;
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

static DIR: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = std::env::temp_dir().join(format!("cnn-tutorial-fuzz-cifar-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    dir
});

fuzz_target!(|bytes: &[u8]| {
    let Some((place, files)) = bytes.split_first_chunk::<2>() else { return };
    let (images, names) = files.split_at(usize::from(u16::from_le_bytes(*place)).min(files.len()));
    fs::write(DIR.join("data_batch_1.bin"), images).unwrap();
    fs::write(DIR.join("batches.meta.txt"), names).unwrap();
    if let Ok(dataset) = data::read_cifar10_train(&*DIR) {
        assert_eq!(dataset.images.size(), [dataset.len(), 3, 32, 32]);
        assert_eq!(dataset.classes.len(), 10);
    }
});
