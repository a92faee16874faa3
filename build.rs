//! Tells the linker where libtorch is, so that the program finds it without LD_LIBRARY_PATH, also in a folder that was moved;
//! compiles a few lines of C++; tells the program which tch it has.

use std::{env, fs};

const CALLS: &str = "src/cuda/libtorch.cpp";

fn main() {
    // Documented and not linked: no C++ compiler is needed either.
    if env::var_os("CARGO_FEATURE_DOC_ONLY").is_some() {
        return;
    }
    // Set by torch-sys, whose own linker flags do not reach this package's binaries.
    if let Ok(lib) = env::var("DEP_TCH_LIBTORCH_LIB") {
        // First a libtorch beside the program: both can be copied together to other machines.
        if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
            println!("cargo:rustc-link-arg=-Wl,-rpath,$ORIGIN/libtorch/lib");
        }
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
        println!("cargo:rustc-env=LIBTORCH_LIB={lib}");
    }
    let tch = fs::read_to_string("Cargo.lock").ok().and_then(|lock| locked_tch(&lock));
    println!("cargo:rustc-env=TCH_VERSION={}", tch.as_deref().unwrap_or("unknown"));
    println!("cargo:rerun-if-changed=Cargo.lock");
    cc::Build::new().cpp(true).std("c++17").file(CALLS).compile("calls");
    println!("cargo:rerun-if-changed={CALLS}");
    println!("cargo:rerun-if-changed=build.rs");
}

fn locked_tch(lock: &str) -> Option<String> {
    let version = lock.lines().skip_while(|line| *line != "name = \"tch\"").nth(1)?;
    Some(version.strip_prefix("version = \"")?.strip_suffix('"')?.to_owned())
}
