//! Tells the linker where libtorch is, so that the program finds it without LD_LIBRARY_PATH, and the program which it is;
//! compiles the program's few lines of C++.

#[path = "src/program/libtorch.rs"]
#[allow(dead_code)] // what only the program uses of it
mod libtorch;

use std::env;
use std::path::Path;

const GUARDED: &str = "src/program/cuda/guarded.cpp";

fn main() {
    // Set by torch-sys, whose own linker flags do not reach this package's binaries.
    if let Ok(lib) = env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
        println!("cargo:rustc-env=LIBTORCH_LIB={lib}");
        let version = libtorch::version(Path::new(&lib)).unwrap_or_else(|| "unknown".into());
        println!("cargo:rustc-env=LIBTORCH_VERSION={version}");
    }
    cc::Build::new().cpp(true).std("c++17").file(GUARDED).compile("guarded");
    println!("cargo:rerun-if-changed={GUARDED}");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/program/libtorch.rs");
}
