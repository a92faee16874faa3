//! Tells the linker where libtorch is, so that the program finds it without LD_LIBRARY_PATH.

fn main() {
    // Set by torch-sys, whose own linker flags do not reach this package's binaries.
    if let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
