//! Fetches MNIST once, from the first mirror that has it right.

use super::idx;
use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::Duration;

/// Where MNIST lies, or is put, relative to the current folder.
pub const MNIST_DIR: &str = "data/mnist";

const MIRRORS: [&str; 2] =
    ["https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"];

/// Part, kind, dimensions, size in bytes and SHA-256 of each file, gzipped as it is distributed.
const FILES: [(&str, &str, u8, u64, &str); 4] = [
    ("train", "images", 3, 9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
    ("train", "labels", 1, 28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
    ("t10k", "images", 3, 1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
    ("t10k", "labels", 1, 4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
];

/// Downloads the files of MNIST that `dir` lacks. The environment variable `MNIST_MIRROR` replaces the mirrors by your
/// own, such as a folder served in the classroom: one URL, or several with commas between them.
///
/// Errors name each mirror and what was wrong with it; nothing that fails its checksum is put in place.
pub fn download_mnist(dir: &Path) -> Result<()> {
    let own_mirror = std::env::var("MNIST_MIRROR").ok();
    let mirrors = own_mirror.as_deref().map_or(MIRRORS.to_vec(), |mirrors| mirrors.split(',').collect());
    for (part, kind, dimensions, size, sha256) in FILES {
        if idx::find(dir, part, kind, dimensions).is_some() {
            continue;
        }
        let name = format!("{part}-{kind}-idx{dimensions}-ubyte.gz");
        let mut errors = Vec::new();
        while errors.len() < mirrors.len() {
            let url = format!("{}/{name}", mirrors[errors.len()].trim_end_matches('/'));
            match fetch(&url, &dir.join(&name), size, sha256) {
                Ok(()) => break,
                Err(error) => errors.push(format!("{url}: {error:#}")),
            }
        }
        ensure!(errors.len() < mirrors.len(), "{}", errors.join("; "));
    }
    Ok(())
}

fn fetch(url: &str, path: &Path, size: u64, sha256: &str) -> Result<()> {
    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(10)))
        .timeout_recv_response(Some(Duration::from_secs(20)))
        .timeout_recv_body(Some(Duration::from_secs(600)))
        .build();
    let mut response = ureq::Agent::from(config).get(url).call()?;
    let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}")?;
    let bar = ProgressBar::new(size).with_style(style).with_message(path.display().to_string());
    let mut bytes = Vec::new();
    bar.wrap_read(response.body_mut().as_reader().take(size + 1)).read_to_end(&mut bytes)?;
    bar.finish_and_clear();
    let found = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    ensure!(
        found == sha256,
        "expected {size} bytes with SHA-256 {sha256}, found {} with {found}",
        if bytes.len() as u64 > size { "more".into() } else { bytes.len().to_string() }
    );
    put_in_place(&bytes, path).with_context(|| format!("{} cannot be written", path.display()))
}

/// Two processes at once each write a file of their own, and the rename of either is whole.
fn put_in_place(bytes: &[u8], path: &Path) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
    let partial = path.with_extension(format!("part-{}", std::process::id()));
    let written = File::create(&partial)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&partial, path));
    if written.is_err() {
        let _ = fs::remove_file(&partial);
    }
    written
}
