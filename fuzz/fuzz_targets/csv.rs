//! Any bytes as a CSV, plain or gzipped: images or an error.
#![no_main]

use cnn_tutorial::data;
use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;

static PATH: LazyLock<PathBuf> =
    LazyLock::new(|| std::env::temp_dir().join(format!("cnn-tutorial-fuzz-{}.csv", std::process::id())));

fuzz_target!(|bytes: &[u8]| {
    fs::write(&*PATH, bytes).unwrap();
    if let Ok(dataset) = data::read_csv(&*PATH) {
        assert_eq!(dataset.images.size(), [dataset.len(), 1, 28, 28]);
    }
    let _ = data::read_unlabelled_csv(&PATH);
});
