//! Any bytes as the files of a run, config.json, metrics.csv and model.safetensors: its network and its data, or an error. The
//! first two bytes say how long the first is, the next two the second. The third begins where they end; its first byte says
//! whether it is only the head before the numbers of a CNN, which are too many to be found by trying, or the whole file, or
//! that the data are read instead, which takes longer.
#![no_main]

#[allow(dead_code)]
#[path = "../../src/program/mod.rs"]
mod program;

use libfuzzer_sys::fuzz_target;
use program::data::Source;
use program::run::config::{CONFIG, read_config};
use program::run::folder::WEIGHTS;
use program::run::metrics::{METRICS, Metrics, UNREAD};
use program::run::network::{Network, Weights};
use std::fs;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::LazyLock;
use tch::{Device, Kind, Tensor};

/// Bytes of the CNN's parameters.
const NUMBERS: usize = 4 * 12_810;

static DIR: LazyLock<PathBuf> = LazyLock::new(|| {
    let dir = std::env::temp_dir().join(format!("cnn-tutorial-fuzz-run-{}", std::process::id()));
    fs::create_dir_all(&dir).unwrap();
    dir
});

fuzz_target!(|bytes: &[u8]| {
    let Some((lengths, files)) = bytes.split_first_chunk::<4>() else { return };
    let length = |i: usize| usize::from(u16::from_le_bytes([lengths[i], lengths[i + 1]]));
    let (config, files) = files.split_at(length(0).min(files.len()));
    let (metrics, weights) = files.split_at(length(2).min(files.len()));
    let Some((kind, weights)) = weights.split_first() else { return };
    let weights = match kind {
        0 => [&(weights.len() as u64).to_le_bytes(), weights, &vec![0; NUMBERS]].concat(),
        _ => weights.to_owned(),
    };
    for (name, content) in [(CONFIG, config), (METRICS, metrics), (WEIGHTS, &weights)] {
        fs::write(DIR.join(name), content).unwrap();
    }
    let _ = fs::remove_file(DIR.join(UNREAD)); // it would grow with each input
    if let Ok(metrics) = Metrics::resume(&DIR, u64::MAX, NonZeroU64::MAX) {
        assert!(metrics.rows.is_sorted_by_key(|row| row.iteration));
    }
    let Ok(config) = read_config(&DIR) else { return };
    if *kind > 1 {
        if let Ok((dataset, _)) = config.test_data(&DIR, Some(&Source::Digits), false) {
            assert!(dataset.len() > 0);
        }
    } else if let Ok(network) = Network::open(&DIR, &config, Weights::Last, Device::Cpu) {
        let logits = network.logits(&Tensor::zeros([1, 1, 28, 28], (Kind::Uint8, Device::Cpu))).unwrap();
        assert_eq!(logits.size(), [1, 10]);
    }
});
