//! Tells the linker where libtorch is, and the program's files, which the targets compile, what the program's build.rs tells them.

fn main() {
    if let Ok(lib) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{lib}");
    }
    println!("cargo:rustc-env=TCH_VERSION=unknown"); // nothing here is told to a person
    println!("cargo:rerun-if-changed=build.rs");
}
