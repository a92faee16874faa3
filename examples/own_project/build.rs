//! Writes libtorch's folder into the program (its rpath), which then starts without LD_LIBRARY_PATH.

fn main() {
    // torch-sys sets this for the packages that name it in their Cargo.toml.
    if let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    }
}
