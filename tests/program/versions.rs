//! Which libtorch goes with which tch: what scripts/setup.sh installs, and the table that it reads.
#![cfg(unix)]

use crate::setup::{assert_refused, lock, pip_calls, setup, working_project, write_tool};
use std::fs;
use std::path::Path;
use std::process::Command;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[test]
fn the_libtorch_is_the_one_that_goes_with_the_locked_tch() {
    let project = working_project();
    lock(project.path(), "0.26.0");
    assert!(setup(&project, &[], &[]).status.success());
    assert!(pip_calls(&project)[0].contains("--no-deps torch==2.13.0"), "{:?}", pip_calls(&project));
    lock(project.path(), "0.27.0");
    let words = "Cargo.lock has tch 0.27.0, but tch 0.24.0 goes with libtorch 2.11.0, tch 0.26.0 goes with libtorch 2.13.0: \
                 cargo update -p tch --precise 0.26.0";
    assert_refused(&setup(&project, &[], &[]), words);
    assert_eq!(pip_calls(&project).len(), 1);
}

#[test]
fn another_libtorch_on_request_moves_the_locks_and_what_is_installed_there_and_back() {
    let project = working_project();
    let own = project.path().join("examples/own_project");
    fs::create_dir_all(&own).unwrap();
    lock(&own, "0.24.0");
    let update = r#"echo "$*" >> "$CARGO_CALLS"; sed "s/^version = .*/version = \"$6\"/" Cargo.lock > new; cat new > Cargo.lock"#;
    write_tool(&project.path().join("bin/cargo"), update);
    let calls = project.path().join("cargo-calls");
    let with = |torch| setup(&project, &[], &[("TORCH", torch), ("CARGO_CALLS", calls.to_str().unwrap())]);
    let cargo_calls = || fs::read_to_string(&calls).unwrap_or_default();
    assert!(with("2.11.0").status.success());
    assert_eq!(cargo_calls(), "", "the locks have its tch already");

    assert_refused(
        &with("2.12.0"),
        "no tch goes with libtorch 2.12.0: tch 0.24.0 goes with libtorch 2.11.0, tch 0.26.0",
    );
    let output = with("2.13.0");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told = String::from_utf8_lossy(&output.stderr);
    for file in ["Cargo.lock", "examples/own_project/Cargo.lock"] {
        assert!(
            told.contains(&format!("setup: {file} has tch 0.26.0 now, which goes with libtorch 2.13.0\n")),
            "{told}"
        );
        assert!(fs::read_to_string(project.path().join(file)).unwrap().contains("version = \"0.26.0\""));
    }
    assert_eq!(cargo_calls(), "update --quiet -p tch --precise 0.26.0\n".repeat(2));
    // The lock speaks from now on, and what the first set-up left is not taken for the second's.
    assert!(setup(&project, &[], &[]).status.success());
    assert_eq!(pip_calls(&project).len(), 2);
    assert!(with("2.11.0").status.success());
    let calls = pip_calls(&project);
    assert!(calls.len() == 3 && calls[2].contains("torch==2.11.0"), "{calls:?}");
}

#[test]
fn the_table_of_pairs_has_what_torch_sys_itself_asks_for() {
    let locked = crate::common::locked_tch();
    let mut cargo = Command::new(env!("CARGO"));
    let output = cargo.args(["metadata", "--format-version", "1", "--offline"]).current_dir(ROOT).output().unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let torch_sys = packages.iter().find(|package| package["name"] == "torch-sys").unwrap();
    let build = Path::new(torch_sys["manifest_path"].as_str().unwrap()).with_file_name("build.rs");
    let asks = fs::read_to_string(build).unwrap();
    let asks = asks.split_once("const TORCH_VERSION: &str = \"").unwrap().1.split('"').next().unwrap();
    assert_eq!(crate::common::libtorch_of(&locked), asks);
}
