//! Which libtorch this is.

use std::fs;
use std::path::{Path, PathBuf};

/// tch's version, which it does not tell itself: build.rs reads it from Cargo.lock.
pub const TCH: &str = env!("TCH_VERSION");

const PAIRS: &str = include_str!("../../../assets/libtorch.txt");

/// Each tch that this program builds with, and the one libtorch that it binds.
fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAIRS.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.trim().split_once(' '))
}

/// The libtorch that this tch binds.
pub fn expected() -> &'static str {
    pairs().find(|(tch, _)| *tch == TCH).map_or("unknown", |(_, libtorch)| libtorch)
}

/// The pairs in words: `tch 0.24.0 goes with libtorch 2.11.0, tch 0.26.0 goes with libtorch 2.13.0`.
pub fn pairs_in_words() -> String {
    let pairs: Vec<String> =
        pairs().map(|(tch, libtorch)| format!("tch {tch} goes with libtorch {libtorch}")).collect();
    pairs.join(", ")
}

/// The version of the libtorch whose libraries are in the folder `lib`, such as `2.11.0+cu130`.
fn version(lib: &Path) -> Option<String> {
    // libtorch's own archive says it in the one file, PyTorch's wheel in the other.
    let file = |name| fs::read_to_string(lib.join("..").join(name)).ok();
    let wheel = || Some(file("version.py")?.split("__version__ = '").nth(1)?.split('\'').next()?.to_owned());
    Some(file("build-version").or_else(wheel)?.trim().to_owned())
}

/// The folder that libtorch was loaded from. Linux tells; elsewhere it is the one that the program was built with.
pub fn loaded_from() -> Option<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let mut paths = maps.lines().filter_map(|line| Some(Path::new(&line[line.find('/')?..])));
    let library = paths.find(|path| path.file_name().is_some_and(|name| name == "libtorch_cpu.so"));
    library.and_then(Path::parent).or(option_env!("LIBTORCH_LIB").map(Path::new)).map(Path::to_owned)
}

/// The version of the libtorch that is loaded, or `unknown` where no file beside it tells.
pub fn version_in_use() -> String {
    loaded_from().and_then(|lib| version(&lib)).unwrap_or_else(|| "unknown".into())
}

/// The CUDA that the libtorch in use is built for, such as (13, 0) for `2.11.0+cu130`; nothing for other builds.
pub fn cuda_version() -> Option<(u32, u32)> {
    let version = version_in_use();
    let digits = version.split("+cu").nth(1)?;
    let (major, minor) = digits.split_at_checked(digits.len().checked_sub(1)?)?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
