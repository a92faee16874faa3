//! Tells the linker where libtorch is, so that the program finds it without LD_LIBRARY_PATH, and the program which it is.

use std::{env, fs};

fn main() {
    // Set by torch-sys, whose own linker flags do not reach this package's binaries.
    if let Ok(lib) = env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
        // libtorch's own archive says its version in the one file, PyTorch's wheel in the other.
        let file = |name| fs::read_to_string(format!("{lib}/../{name}")).ok();
        let wheel =
            file("version.py").and_then(|text| Some(text.split("__version__ = '").nth(1)?.split('\'').next()?.into()));
        let version = file("build-version").or(wheel).unwrap_or_else(|| "unknown".into());
        println!("cargo:rustc-env=LIBTORCH_VERSION={}", version.trim());
    }
    println!("cargo:rerun-if-changed=build.rs");
}
