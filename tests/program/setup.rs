//! scripts/setup.sh, on a copy of it with stand-ins for the tools it calls, and what a build without libtorch says.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A project folder with only what scripts/setup.sh reads, the lock file with the first tch of the table, and a folder of tools, which holds those named and no others.
fn project(tools: &[(&str, &str)]) -> TempDir {
    let dir = TempDir::with_prefix("a project é ").unwrap();
    fs::create_dir_all(dir.path().join("scripts")).unwrap();
    for name in ["setup.sh", "progress.bash"] {
        fs::copy(format!("{ROOT}/scripts/{name}"), dir.path().join("scripts").join(name)).unwrap();
    }
    fs::write(dir.path().join("scripts/requirements.txt"), "numpy\n").unwrap();
    fs::create_dir(dir.path().join("assets")).unwrap();
    fs::copy(format!("{ROOT}/assets/libtorch.txt"), dir.path().join("assets/libtorch.txt")).unwrap();
    lock(dir.path(), "0.24.0");
    let bin = dir.path().join("bin");
    fs::create_dir(&bin).unwrap();
    for tool in ["bash", "cat", "dirname", "grep", "ln", "mkdir", "rm", "sed", "tee", "touch", "uname"] {
        let path = ["/usr/bin", "/bin"].map(|dir| Path::new(dir).join(tool)).into_iter().find(|path| path.exists());
        symlink(path.unwrap(), bin.join(tool)).unwrap();
    }
    for (name, script) in tools {
        write_tool(&bin.join(name), script);
    }
    dir
}

pub fn write_tool(path: &Path, script: &str) {
    fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

pub fn lock(folder: &Path, tch: &str) {
    let package = |name| format!("[[package]]\nname = \"{name}\"\nversion = \"{tch}\"\n\n");
    fs::write(folder.join("Cargo.lock"), ["tch", "torch-sys"].map(package).concat()).unwrap();
}

pub fn setup(project: &TempDir, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(project.path().join("scripts/setup.sh"))
        .args(arguments)
        .env("PATH", project.path().join("bin"))
        .env_remove("LIBTORCH")
        .env_remove("LIBTORCH_USE_PYTORCH")
        .env_remove("CXX")
        .env_remove("TORCH")
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

#[track_caller]
pub fn assert_refused(output: &Output, words: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains(words), "expected '{words}' in: {error}");
}

/// Makes a virtual environment whose pip "installs" torch, or breaks off half-way while the file `broken` is there.
const PYTHON: &str = r#"
case "$*" in
"-m venv .venv")
    mkdir -p .venv/bin .venv/lib/python3.12/site-packages
    {
        echo '#!/bin/sh'
        echo 'case "$*" in *"pip install"*)'
        echo '  echo "$*" >> pip-calls; mkdir -p .venv/lib/python3.12/site-packages/torch/lib; if [ -e broken ]; then cat broken; exit 1; fi;;'
        echo 'esac'
    } > .venv/bin/python
    chmod +x .venv/bin/python;;
esac
"#;

pub fn working_project() -> TempDir {
    let project = project(&[("cargo", ""), ("c++", ""), ("python3", PYTHON)]);
    symlink("/bin/chmod", project.path().join("bin/chmod")).unwrap();
    project
}

pub fn pip_calls(project: &TempDir) -> Vec<String> {
    let text = fs::read_to_string(project.path().join("pip-calls")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn each_missing_tool_is_named_with_how_to_install_it() {
    assert_refused(&setup(&project(&[]), &[], &[]), "setup: cargo is missing: install Rust from https://rustup.rs");
    assert_refused(&setup(&project(&[("cargo", "")]), &[], &[]), "no C++ compiler: apt install g++");
    let tools = [("cargo", ""), ("c++", "")];
    assert_refused(&setup(&project(&tools), &[], &[]), "python3 is missing: apt install python3");
    let python = |script| project(&[&tools[..], &[("python3", script)]].concat());
    let old = "case \"$*\" in *version_info*) exit 1;; --version) echo Python 3.8.1;; esac";
    assert_refused(&setup(&python(old), &[], &[]), "needs Python 3.10 or newer, found Python 3.8.1");
    let no_venv = "case \"$*\" in *ensurepip*) exit 1;; esac";
    assert_refused(&setup(&python(no_venv), &[], &[]), "no venv module: apt install python3-venv");
    assert_refused(&setup(&working_project(), &["--gpu"], &[]), "unknown option '--gpu'");
}

#[test]
fn an_interrupted_set_up_is_repaired_by_the_next_and_a_finished_one_is_left_alone() {
    let project = working_project();
    fs::write(project.path().join("broken"), "").unwrap();
    assert_refused(&setup(&project, &[], &[]), "pip could not install --no-deps torch==2.11.0");
    assert!(!project.path().join("libtorch").exists());
    fs::write(project.path().join(".venv/left-over"), "").unwrap();

    fs::remove_file(project.path().join("broken")).unwrap();
    assert!(setup(&project, &[], &[]).status.success());
    assert!(!project.path().join(".venv/left-over").exists(), "what the broken call left is gone");
    assert!(project.path().join("libtorch/lib").is_dir());
    assert_eq!(pip_calls(&project).len(), 2);

    assert!(setup(&project, &[], &[]).status.success());
    assert_eq!(pip_calls(&project).len(), 2, "nothing is installed twice");
}

#[test]
fn without_a_network_a_larger_set_is_not_had_and_the_smaller_one_is_kept() {
    let project = working_project();
    assert!(setup(&project, &[], &[]).status.success());
    fs::write(project.path().join("broken"), "NewConnectionError\n").unwrap();
    for _ in 0..2 {
        assert_refused(&setup(&project, &["--python"], &[]), "no network");
        assert!(setup(&project, &[], &[]).status.success());
        assert!(project.path().join("libtorch/lib").is_dir());
    }
    fs::remove_file(project.path().join("broken")).unwrap();
    assert!(setup(&project, &["--python"], &[]).status.success());
    assert!(setup(&project, &["--python"], &[]).status.success());
    assert_eq!(pip_calls(&project).len(), 4);
}

#[test]
fn a_python_that_does_not_run_any_more_is_set_up_anew() {
    let project = working_project();
    assert!(setup(&project, &["--python"], &[]).status.success());
    write_tool(&project.path().join(".venv/bin/python"), "exit 127");
    assert!(setup(&project, &["--python"], &[]).status.success());
    assert_eq!(pip_calls(&project).len(), 2);
}

#[test]
fn one_option_is_taken_at_a_time() {
    assert_refused(&setup(&working_project(), &["--python", "--browser"], &[]), "one option at a time");
}

#[test]
fn the_time_of_the_first_build_is_told_before_it_and_not_after_it() {
    let project = working_project();
    let told = || String::from_utf8(setup(&project, &[], &[]).stderr).unwrap();
    let words = "compiles for about 4 minutes on two cores, once\n";
    assert!(told().contains(words) && told().contains(words));
    fs::create_dir_all(project.path().join("target/release")).unwrap();
    fs::write(project.path().join("target/release/cnn-tutorial"), "").unwrap();
    assert_eq!(told(), "");
}

#[test]
fn of_packages_that_are_installed_or_compiled_one_line_is_shown_on_a_terminal_and_errors_as_they_are() {
    let lines =
        "Collecting torch\n   Compiling tch v0.24.0\nerror: no room\n  Downloading a.whl (5 MB)\n    Finished 100%";
    let script = format!(". '{ROOT}/scripts/progress.bash'; printf '%s\\n' \"$LINES_TO_SHOW\" | progress");
    let output = Command::new("bash").args(["-c", &script]).env("LINES_TO_SHOW", lines).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "error: no room\n    Finished 100%\n");
    let mut terminal = Command::new("script"); // part of every Linux
    terminal.args(["-qec", "bash -c \"$SCRIPT\"", "/dev/null"]).env("SCRIPT", script);
    let Ok(output) = terminal.env("LINES_TO_SHOW", lines).output() else {
        return crate::common::not_run("the program script, of bsdutils");
    };
    let shown = String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n");
    let expected = "\r\x1b[KCollecting torch\r\x1b[K   Compiling tch v0.24.0\r\x1b[Kerror: no room\n";
    assert!(shown.starts_with(expected) && shown.ends_with("    Finished 100%\n"), "{shown:?}");
}

#[test]
fn cuda_is_installed_where_nvidia_smi_finds_a_gpu_or_on_request_and_python_on_request() {
    let project = working_project();
    assert!(setup(&project, &[], &[]).status.success());
    write_tool(&project.path().join("bin/nvidia-smi"), "echo 'GPU 0: NVIDIA H200'");
    assert!(setup(&project, &[], &[]).status.success());
    assert!(setup(&project, &["--cuda"], &[]).status.success());
    let calls = pip_calls(&project);
    assert_eq!(calls.len(), 2, "{calls:?}");
    assert!(calls[0].contains("--no-deps torch==2.11.0") && !calls[1].contains("--no-deps"), "{calls:?}");
    assert!(setup(&project, &["--python"], &[]).status.success());
    assert!(pip_calls(&project)[2].contains("-r scripts/requirements.txt"));
}

#[test]
fn with_cpu_a_gpu_changes_nothing_then_or_later() {
    let project = working_project();
    write_tool(&project.path().join("bin/nvidia-smi"), "echo 'GPU 0: NVIDIA H200'");
    assert!(setup(&project, &["--cpu"], &[]).status.success());
    assert!(setup(&project, &[], &[]).status.success());
    let calls = pip_calls(&project);
    assert!(calls.len() == 1 && calls[0].contains("--no-deps torch==2.11.0"), "{calls:?}");
    assert!(setup(&project, &["--cuda"], &[]).status.success());
    assert_eq!(pip_calls(&project).len(), 2, "it can be asked for all the same");
}

#[test]
fn a_libtorch_of_the_users_own_is_respected_if_it_is_of_the_right_version() {
    let project = working_project();
    let own = project.path().join("own libtorch");
    fs::create_dir_all(own.join("lib")).unwrap();
    let libtorch = [("LIBTORCH", own.to_str().unwrap())];
    fs::write(own.join("build-version"), "2.11.0+cpu\n").unwrap();
    assert!(setup(&project, &[], &libtorch).status.success());
    fs::write(own.join("build-version"), "2.4.1+cpu\n").unwrap();
    assert_refused(
        &setup(&project, &[], &libtorch),
        "own libtorch is libtorch 2.4.1+cpu, but tch 0.24.0 goes with libtorch 2.11.0",
    );
    fs::remove_file(own.join("build-version")).unwrap();
    fs::write(own.join("version.py"), "debug = False\n__version__ = '2.10.0'\n").unwrap();
    assert_refused(&setup(&project, &[], &libtorch), "is libtorch 2.10.0, but tch 0.24.0 goes with libtorch 2.11.0");
    fs::write(own.join("build-version"), "2.13.0+cpu\n").unwrap();
    assert_refused(
        &setup(&project, &[], &libtorch),
        "or TORCH=2.13.0 ./scripts/setup.sh, which takes tch 0.26.0 for it",
    );
    lock(project.path(), "0.26.0");
    assert!(setup(&project, &[], &libtorch).status.success());
    lock(project.path(), "0.24.0");
    fs::remove_dir(own.join("lib")).unwrap();
    assert_refused(&setup(&project, &[], &libtorch), "has no folder lib");

    let pytorch = [("LIBTORCH_USE_PYTORCH", "1")];
    let python = |script| write_tool(&project.path().join("bin/python3"), script);
    python("echo 2.11.0+cu130");
    assert!(setup(&project, &[], &pytorch).status.success());
    python("echo 2.9.0");
    assert_refused(
        &setup(&project, &[], &pytorch),
        "LIBTORCH_USE_PYTORCH is libtorch 2.9.0, but tch 0.24.0 goes with libtorch 2.11.0",
    );
    python("exit 1");
    assert_refused(&setup(&project, &[], &pytorch), "python3 cannot import torch");
    assert!(!project.path().join(".venv").exists());
}

#[test]
fn a_venv_or_libtorch_that_it_did_not_make_is_left_alone_with_the_remedy() {
    let project = working_project();
    let at = |name: &str| project.path().join(name);
    let calls = || fs::read_to_string(at("pip-calls")).unwrap_or_default();
    // Also one whose Python does not run here.
    for (name, script) in [("thesis", ""), ("python", "exit 1")] {
        fs::create_dir_all(at(".venv/bin")).unwrap();
        write_tool(&at(".venv/bin/python"), script);
        fs::write(at(".venv").join(name), "mine").unwrap();
        assert_refused(&setup(&project, &[], &[]), ".venv was not made by this script: move it away");
        assert_eq!(fs::read_to_string(at(".venv").join(name)).unwrap(), "mine");
        assert_eq!(calls(), "", "nothing was installed into it");
        fs::remove_dir_all(at(".venv")).unwrap();
    }
    symlink("nowhere", at(".venv")).unwrap();
    assert_refused(&setup(&project, &[], &[]), ".venv was not made by this script");
    fs::remove_file(at(".venv")).unwrap();

    fs::create_dir(at("libtorch")).unwrap();
    assert_refused(&setup(&project, &[], &[]), "libtorch was not made by this script: move it away");
    assert!(fs::read_dir(at("libtorch")).unwrap().next().is_none() && calls().is_empty());
    fs::remove_dir(at("libtorch")).unwrap();

    // One that it made serves through a link, too, and what a newer libtorch replaces is its own.
    assert!(setup(&project, &[], &[]).status.success());
    fs::rename(at(".venv"), at("the venv")).unwrap();
    symlink("the venv", at(".venv")).unwrap();
    fs::rename(at(".venv/torch-2.11.0-cpu"), at(".venv/torch-2.10.0-cpu")).unwrap();
    let output = setup(&project, &[], &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(fs::symlink_metadata(at(".venv")).unwrap().is_symlink() && at(".venv/torch-2.11.0-cpu").exists());
}

#[test]
fn every_script_works_in_its_own_project_whatever_cdpath_says() {
    let project = working_project();
    assert!(setup(&project, &["--python"], &[]).status.success());
    let decoy = project.path().join("decoy");
    fs::create_dir_all(decoy.join("scripts")).unwrap();
    write_tool(&project.path().join("bin/cargo"), "pwd >> \"$FOLDERS\"");
    let mut scripts = Vec::new();
    for entry in fs::read_dir(format!("{ROOT}/scripts")).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.extension().is_some_and(|extension| extension == "sh") {
            let name = entry.file_name().unwrap().to_str().unwrap().to_owned();
            fs::copy(&entry, project.path().join("scripts").join(&name)).unwrap();
            scripts.push(name);
        }
    }
    assert!(scripts.len() >= 7, "{scripts:?}");
    let expected = fs::canonicalize(project.path()).unwrap();
    for name in scripts.iter().filter(|name| *name != "setup.sh") {
        let folders = project.path().join("folders");
        let _ = fs::remove_file(&folders);
        // What it does with a cargo that does nothing is of no matter here.
        let output = Command::new(project.path().join("bin/bash"))
            .arg(format!("scripts/{name}"))
            .current_dir(project.path())
            .env("PATH", project.path().join("bin"))
            .env("CDPATH", &decoy)
            .env("FOLDERS", &folders)
            .env_remove("LIBTORCH")
            .env_remove("LIBTORCH_USE_PYTORCH")
            .output()
            .unwrap();
        let text = fs::read_to_string(&folders).unwrap_or_default();
        let folder = text.lines().next().map(Path::new);
        assert_eq!(folder, Some(&*expected), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    }
    fs::remove_file(project.path().join("libtorch")).unwrap();
    let output = Command::new(project.path().join("bin/bash"))
        .arg("scripts/setup.sh")
        .current_dir(project.path())
        .env("PATH", project.path().join("bin"))
        .env("CDPATH", &decoy)
        .env_remove("LIBTORCH")
        .env_remove("LIBTORCH_USE_PYTORCH")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(project.path().join("libtorch/lib").exists() && !decoy.join(".venv").exists() && output.stdout.is_empty());
}

#[test]
fn no_network_and_a_full_disk_are_told_apart() {
    let project = working_project();
    let broken = project.path().join("broken");
    fs::write(&broken, "NewConnectionError: Failed to establish a new connection: Name or service not known\n")
        .unwrap();
    assert_refused(&setup(&project, &[], &[]), "(no network, or no way through it to the package index)");
    fs::write(&broken, "ERROR: Could not install packages: [Errno 28] No space left on device\n").unwrap();
    assert_refused(&setup(&project, &[], &[]), "(the disk is full)");

    let head = "Filesystem 1024-blocks Used Available Capacity Mounted on";
    write_tool(&project.path().join("bin/df"), &format!("echo '{head}'; echo '/dev/vda 9000000 8100000 900000 90% /'"));
    let calls = pip_calls(&project).len();
    assert_refused(&setup(&project, &[], &[]), "the disk is too full: 0 GB free here, about 2 needed");
    assert_eq!(pip_calls(&project).len(), calls, "nothing was downloaded for nothing");
    fs::remove_file(&broken).unwrap();
    write_tool(
        &project.path().join("bin/df"),
        &format!("echo '{head}'; echo '/dev/vda 9000000 1100000 7900000 13% /'"),
    );
    let output = setup(&project, &[], &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_refused(&setup(&project, &["--python"], &[]), "7 GB free here, about 8 needed");
}

#[test]
fn of_two_set_ups_at_once_the_second_waits_and_finds_it_done() {
    let project = working_project();
    let flock = ["/usr/bin/flock", "/bin/flock"].map(Path::new).into_iter().find(|path| path.exists());
    let Some(flock) = flock else { return crate::common::not_run("flock") };
    symlink(flock, project.path().join("bin/flock")).unwrap();
    symlink("/bin/sleep", project.path().join("bin/sleep")).unwrap();
    // A venv that takes its time: without the lock both would make one.
    write_tool(&project.path().join("bin/python3"), &format!("case \"$*\" in *'-m venv'*) sleep 0.5;; esac\n{PYTHON}"));
    std::thread::scope(|scope| {
        let calls = [(); 2].map(|()| scope.spawn(|| setup(&project, &[], &[])));
        for call in calls {
            let output = call.join().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    });
    assert_eq!(pip_calls(&project).len(), 1);
}

#[test]
fn a_second_set_up_of_this_project_starts_nothing() {
    let mut venv = fs::read_dir(format!("{ROOT}/.venv")).into_iter().flatten().flatten();
    if !venv.any(|mark| mark.file_name().to_string_lossy().starts_with("torch-")) {
        return crate::common::not_run("what ./scripts/setup.sh installs");
    }
    let marks = || {
        let marks = fs::read_dir(format!("{ROOT}/.venv")).unwrap().flatten();
        let mut marks: Vec<_> =
            marks.map(|mark| (mark.file_name(), mark.metadata().unwrap().modified().unwrap())).collect();
        marks.sort();
        marks
    };
    let before = marks();
    let output = Command::new(format!("{ROOT}/scripts/setup.sh"))
        .env_remove("LIBTORCH")
        .env_remove("LIBTORCH_USE_PYTORCH")
        .output()
        .unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(marks(), before);
}

#[test]
fn a_build_without_libtorch_says_which_script_to_run() {
    let output = Command::new("c++")
        .args(["-x", "c++", "-std=c++17", "-fsyntax-only", "-I", "/no/libtorch/include", "-"])
        .env("CPLUS_INCLUDE_PATH", format!("{ROOT}/scripts/without-libtorch"))
        .stdin(fs::File::open(format!("{ROOT}/tests/fixtures/include_torch.cpp")).unwrap())
        .output()
        .unwrap();
    assert_refused(&output, "libtorch is not installed yet: run ./scripts/train.sh");
}

#[test]
#[cfg(target_os = "linux")]
fn a_libtorch_beside_the_program_is_the_one_that_it_loads() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("cnn-tutorial");
    fs::copy(env!("CARGO_BIN_EXE_cnn-tutorial"), &program).unwrap();
    let version = || Command::new(&program).arg("--version").env_remove("LD_LIBRARY_PATH").output().unwrap();
    assert!(
        version().status.success(),
        "without one it loads that of the build: {}",
        crate::running::stderr(&version())
    );
    let libraries = folder.path().join("libtorch/lib");
    fs::create_dir_all(&libraries).unwrap();
    fs::write(libraries.join("libc10.so"), "not a library").unwrap();
    assert_refused(&version(), libraries.join("libc10.so").to_str().unwrap());
}

#[test]
fn the_page_for_teachers_downloads_what_the_script_installs() {
    let read = |name: &str| fs::read_to_string(format!("{ROOT}/{name}")).unwrap();
    let script = read("scripts/setup.sh");
    let version = crate::common::libtorch_of("0.24.0"); // which Cargo.lock has unless one moves it
    let line = script.lines().find(|line| line.contains("Linux) pip --no-deps")).unwrap();
    let packages = line.split_once("--no-deps ").unwrap().1.trim_end_matches(" ;;");
    let packages = packages.replace('"', "").replace("$torch", &version);
    assert!(read("docs/teaching.md").contains(&format!("../class/wheels {packages}\n")), "expected {packages}");
}

#[test]
fn the_oldest_rust_is_told_as_cargo_tells_it() {
    let read = |file: &str| fs::read_to_string(format!("{ROOT}/{file}")).unwrap();
    let words = "requires rustc 1.89"; // cargo's, where it is older
    let oldest = words.rsplit_once(' ').unwrap().1;
    assert!(read("Cargo.toml").contains(&format!("rust-version = \"{oldest}\"")));
    assert!(read("docs/troubles.md").contains(&format!("| `{words}`")));
    for page in ["README.md", "docs/teaching.md"] {
        assert!(read(page).contains(&format!("Rust {oldest} or newer")), "{page}");
    }
}
