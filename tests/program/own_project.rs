//! examples/own_project, built in its place and with nothing of this package but what is published.
#![cfg(unix)]

use crate::running::{stderr, stdout};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Kept, so that only the first test compiles tch.
const TARGET: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/own-project");

/// Cargo in `dir`, as its user calls it.
fn cargo(arguments: &[&str], dir: &Path) -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(arguments).args(["--target-dir", TARGET]).current_dir(dir);
    // Cargo sets these for its tests.
    for variable in ["LIBTORCH", "LIBTORCH_LIB", "LD_LIBRARY_PATH", "CPLUS_INCLUDE_PATH"] {
        cargo.env_remove(variable);
    }
    cargo
}

/// Whether `./scripts/setup.sh` was run here.
fn has_libtorch() -> bool {
    let has = Path::new(ROOT).join("libtorch/lib").exists();
    if !has {
        crate::common::not_run("the libtorch of ./scripts/setup.sh");
    }
    has
}

/// Builds the project in `dir`; its program. It learns the exclusive or of two bits: nothing in it need be fast.
fn built(dir: &Path, name: &str) -> PathBuf {
    let arguments = ["build", "--release", "--locked", "--config", "profile.release.opt-level=0"];
    let built = cargo(&arguments, dir).output().unwrap();
    assert!(built.status.success(), "{}", stderr(&built));
    format!("{TARGET}/release/{name}").into()
}

/// The program of examples/own_project; nothing without the libtorch that it links.
pub fn own_project() -> Option<PathBuf> {
    has_libtorch().then(|| built(&Path::new(ROOT).join("examples/own_project"), "own-project"))
}

/// Runs the project's program without a GPU.
fn assert_it_learns(program: &Path) {
    let mut program = Command::new(program);
    let output = program.env_remove("LD_LIBRARY_PATH").env("CUDA_VISIBLE_DEVICES", "").output().unwrap();
    let (text, told) = (stdout(&output), stderr(&output));
    assert!(output.status.success(), "{told}");
    assert!(text.contains("computing on Cpu") && text.contains("answers: [0, 1, 1, 0]"), "{text}");
    assert!(told.starts_with("no CUDA: libtorch"), "{told}");
}

#[test]
fn a_package_of_ones_own_finds_libtorch_without_an_environment_variable() {
    if let Some(program) = own_project() {
        assert_it_learns(&program);
    }
}

/// The program, too, has to compile from what is published; building it here would take minutes.
#[test]
fn every_file_that_the_code_includes_is_published_with_it() {
    let listed = cargo(&["package", "--offline", "--list", "--allow-dirty", "-p", "cnn-tutorial"], Path::new(ROOT))
        .output()
        .unwrap();
    assert!(listed.status.success(), "{}", stderr(&listed));
    let listed = stdout(&listed);
    let files: Vec<&str> = listed.lines().collect();
    let mut included = 0;
    for file in files.iter().filter(|file| file.starts_with("src/") && file.ends_with(".rs")) {
        let text = fs::read_to_string(Path::new(ROOT).join(file)).unwrap();
        for call in
            text.split("include_").skip(1).filter(|call| call.starts_with("str!(") || call.starts_with("bytes!("))
        {
            // A macro's path may end with a folder, whose files it names elsewhere.
            let path = call.split('"').nth(1).unwrap();
            let path = Path::new(ROOT).join(file).with_file_name(path);
            let path = path.canonicalize().unwrap_or_else(|error| panic!("{file}, {}: {error}", path.display()));
            let path = path.strip_prefix(Path::new(ROOT).canonicalize().unwrap()).unwrap().to_str().unwrap();
            let is_published = files
                .iter()
                .any(|file| file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')));
            assert!(is_published, "{file} includes {path}, which is not published");
            included += 1;
        }
    }
    assert!(included >= 9, "{included}");
}

/// As docs/own-project.md tells to begin one's own: a copy of the folder, with two other paths.
#[test]
fn a_package_of_ones_own_builds_with_what_is_published_of_this_one_and_nothing_else() {
    if !has_libtorch() {
        return;
    }
    let patch = "patch.crates-io.cnn-tutorial-photo.path=\"crates/photo\"";
    let packaged = ["package", "--offline", "--no-verify", "--allow-dirty", "--config", patch];
    let packaged = cargo(&packaged, Path::new(ROOT)).output().unwrap();
    assert!(packaged.status.success(), "{}", stderr(&packaged));
    let published = format!("cnn-tutorial-{}", env!("CARGO_PKG_VERSION"));
    let file = PathBuf::from(format!("{TARGET}/package/{published}.crate"));
    let size = fs::metadata(&file).unwrap().len();
    assert!(size < 1_000_000, "{size} bytes: what is published that the code does not need?");

    // One folder for all calls, so that what is compiled does not pile up.
    let dir = PathBuf::from(format!("{TARGET}/copied"));
    let _ = fs::remove_dir_all(&dir);
    fs::create_dir_all(&dir).unwrap();
    // Cargo's own times in the file are old ones, with which it takes what it has compiled before.
    assert!(Command::new("tar").arg("-xzmf").arg(&file).arg("-C").arg(&dir).status().unwrap().success());
    // Beside it: a package inside the project's folder would belong to its workspace.
    let project = dir.join("project");
    let copied =
        Command::new("cp").args(["-r", &format!("{ROOT}/examples/own_project")]).arg(&project).status().unwrap();
    assert!(copied.success());
    let change = |name: &str, from: &str, to: &str| {
        let text = fs::read_to_string(project.join(name)).unwrap();
        assert!(text.contains(from), "{name}: {text}");
        fs::write(project.join(name), text.replace(from, to)).unwrap();
    };
    change("Cargo.toml", "path = \"../..\"", &format!("path = \"../{published}\""));
    change("Cargo.toml", "[workspace]", "[[bin]]\nname = \"copied\"\npath = \"src/main.rs\"\n\n[workspace]");
    // Written as cargo writes it for examples/own_project: for another path it would compile torch-sys once more.
    change(".cargo/config.toml", "../../libtorch", &format!("{ROOT}/examples/own_project/../../libtorch"));
    assert_it_learns(&built(&project, "copied"));
}
