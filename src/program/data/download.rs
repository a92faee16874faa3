//! Fetches MNIST once, from the first mirror that has it right.

use super::mirror::{agent, variable, without_password};
use crate::program::files;
use anyhow::{Context, Result, bail, ensure};
use cnn_tutorial::data::{find_idx, idx_file};
use indicatif::{ProgressBar, ProgressStyle};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// Where MNIST lies, or is put, relative to the current folder.
pub const MNIST_DIR: &str = "data/mnist";

/// What to do where no mirror is reached.
pub const HOW_TO_HAVE_MNIST: &str = "copy its four files to data/mnist, or set MNIST_MIRROR to a server that has them";

const MIRRORS: [&str; 2] =
    ["https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"];

/// A file of MNIST, gzipped as it is distributed.
struct Mnist {
    part: &'static str,
    kind: &'static str,
    /// How many bytes it has.
    size: u64,
    sha256: &'static str,
    unzipped_sha256: &'static str,
}

const FILES: [Mnist; 4] = [
    Mnist {
        part: "train",
        kind: "images",
        size: 9_912_422,
        sha256: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        unzipped_sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    },
    Mnist {
        part: "train",
        kind: "labels",
        size: 28_881,
        sha256: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        unzipped_sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    Mnist {
        part: "t10k",
        kind: "images",
        size: 1_648_877,
        sha256: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        unzipped_sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    },
    Mnist {
        part: "t10k",
        kind: "labels",
        size: 4_542,
        sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        unzipped_sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
];

/// The largest file, unzipped, has fewer bytes.
const LARGEST: u64 = 1 << 26;

/// How long a mirror may take for a whole file: then it is given up.
const FOR_A_FILE: Duration = Duration::from_secs(180); // 10 MB at 55 kB a second

/// Whether `dir` lacks none of MNIST's files.
pub fn is_mnist_in(dir: &Path) -> bool {
    FILES.iter().all(|file| find_idx(dir, file.part, file.kind).is_some())
}

/// Downloads the files of MNIST that `dir` lacks. The environment variable `MNIST_MIRROR` replaces the mirrors by your
/// own, such as a folder served in the classroom: one URL, or several with commas between them. An empty one counts as unset.
///
/// Errors name each mirror and what was wrong with it; nothing that fails its checksum is put in place.
pub fn download_mnist(dir: &Path) -> Result<()> {
    let own = variable("MNIST_MIRROR");
    let named = own.iter().flat_map(|mirrors| mirrors.split(',')).map(|mirror| mirror.trim().trim_end_matches('/'));
    let mut mirrors: Vec<&str> = named.filter(|mirror| !mirror.is_empty()).collect();
    if mirrors.is_empty() {
        mirrors = MIRRORS.into();
    }
    let unwritable = || format!("make room, or run this in a folder that can be written: {}", dir.display());
    for file in &FILES {
        let Mnist { part, kind, .. } = file;
        if find_idx(dir, part, kind).is_some() {
            continue;
        }
        let name = idx_file(part, kind) + ".gz";
        let mut errors = Vec::new();
        let fetched = mirrors.iter().find_map(|mirror| {
            let fetched = fetch(&format!("{mirror}/{name}"), &dir.join(&name), file, FOR_A_FILE);
            let said = |error| without_password(&format!("{mirror}: {error:#}"), mirror);
            fetched.map_err(|error| errors.push(said(error))).ok()
        });
        let bytes = fetched.with_context(|| format!("{name} from {}", errors.join("; from ")))?;
        let put = || {
            fs::create_dir_all(dir)?;
            files::put(dir, &name, |path| Ok(fs::write(path, &bytes)?))
        };
        put().with_context(unwritable)?;
    }
    Ok(())
}

/// For each file of MNIST that is in `dir`, whether it holds what it should; an error names the first that does not.
pub fn verify_mnist(dir: &Path) -> Result<usize> {
    let mut found = 0;
    for Mnist { part, kind, sha256, unzipped_sha256, .. } in &FILES {
        let Some(path) = find_idx(dir, part, kind) else { continue };
        let mut bytes = Vec::new();
        let read = files::open(&path, LARGEST).and_then(|mut file| Ok(file.read_to_end(&mut bytes)?));
        read.context("delete it, and it is downloaded again")?;
        ensure!(
            [*sha256, *unzipped_sha256].contains(&hex(&Sha256::digest(&bytes)).as_str()),
            "{} is not MNIST's file, its SHA-256 is different: delete it, and it is downloaded again",
            path.display()
        );
        found += 1;
    }
    Ok(found)
}

/// The bytes of what `shown` is to be. Errors if they have not come after `deadline`, whatever the mirror does meanwhile.
fn fetch(url: &str, shown: &Path, file: &Mnist, deadline: Duration) -> Result<Vec<u8>> {
    let agent = agent(url, deadline)?;
    let style = ProgressStyle::with_template("{msg} {wide_bar} {bytes}/{total_bytes} {eta}")?;
    let bar = ProgressBar::new(file.size).with_style(style).with_message(shown.display().to_string());
    let mut response = match (agent.get(url).call(), agent.config().proxy()) {
        (Err(error), Some(proxy)) => bail!("through the proxy {}:{}: {error}", proxy.host(), proxy.port()),
        (answer, _) => answer?,
    };
    let mut bytes = Vec::new();
    bar.wrap_read(response.body_mut().as_reader()).take(file.size + 1).read_to_end(&mut bytes)?;
    bar.finish_and_clear();
    let (size, sha256, found) = (file.size, file.sha256, hex(&Sha256::digest(&bytes)));
    ensure!(
        found == sha256,
        "expected {size} bytes with SHA-256 {sha256}, found {} with {found}",
        if bytes.len() as u64 > size { "more".into() } else { bytes.len().to_string() }
    );
    Ok(bytes)
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::{FILES, fetch};
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::thread;
    use std::time::Duration;

    /// A server that waits, answers with `head` and then sends a byte now and then, for ever.
    fn serve_slowly(scheme: &str, wait: Duration, head: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("{scheme}://{}/file", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let _ = stream.read(&mut [0; 1000]);
                    thread::sleep(wait);
                    let _ = stream.write_all(head);
                    while stream.write_all(b"0").is_ok() {
                        thread::sleep(Duration::from_millis(50));
                    }
                });
            }
        });
        url
    }

    #[test]
    fn a_mirror_that_drips_falls_silent_or_sends_elsewhere_is_given_up_at_the_deadline() {
        let (now, later) = (Duration::ZERO, Duration::from_millis(500));
        for (scheme, wait, head) in [
            ("http", now, &b"HTTP/1.1 200 OK\r\nContent-Length: 9912422\r\n\r\n"[..]),
            ("http", now, b"HTTP/1.1 200 OK\r\nX-Header: "),
            ("http", later, b"HTTP/1.1 302 Found\r\nLocation: /file\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
            ("https", now, b"\x16\x03\x03\x40\x00"), // a record of a handshake that does not end
        ] {
            let deadline = Duration::from_secs(2);
            let url = serve_slowly(scheme, wait, head);
            let error = fetch(&url, "file".as_ref(), &FILES[0], deadline).unwrap_err();
            assert!(format!("{error:#}").contains("timeout"), "{scheme}, {head:?}: {error:#}");
        }
    }
}
