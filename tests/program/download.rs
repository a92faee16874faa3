//! The download of MNIST from a server on this machine.

use crate::common::mnist;
use crate::running::{program, stderr};
use crate::serving::{serve, serve_heads, serve_tunnels};
use std::ffi::OsStr;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

fn train(dir: &Path, mirrors: &str, data: &[&str]) -> std::process::Output {
    let arguments = [data, &["--max-steps", "1", "--eval-every", "1"]].concat();
    program(dir, &arguments).env("MNIST_MIRROR", mirrors).output().unwrap()
}

#[test]
fn a_mirror_with_an_error_page_is_refused_and_nothing_is_put_in_place() {
    let dir = tempfile::tempdir().unwrap();
    let page = serve(|_| (200, b"<html>Sorry</html>".to_vec()));
    let down = serve(|_| (503, Vec::new()));
    let output = train(dir.path(), &format!("{page},{down}"), &["--data", "mnist"]);
    assert_eq!(output.status.code(), Some(1));
    let error = stderr(&output);
    assert!(error.contains("expected 9912422 bytes") && error.contains("found 18"), "{error}");
    assert!(error.contains("503"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn real_mnist_comes_from_the_mirror_that_has_it_right_once() {
    let Some(mnist) = mnist() else { return };
    let dir = tempfile::tempdir().unwrap();
    let cut = {
        let mnist = mnist.clone();
        serve(move |name| (200, fs::read(mnist.join(name)).unwrap()[..1000].to_vec()))
    };
    let good = serve(move |name| (200, fs::read(mnist.join(name)).unwrap()));
    let output = train(dir.path(), &format!("{cut},{good}"), &[]);
    let error = stderr(&output);
    assert!(output.status.success(), "{error}");
    assert!(error.contains("data: MNIST in data/mnist: 48000 images to train on, 12000 to validate on"), "{error}");
    let mut names: Vec<_> = fs::read_dir(dir.path().join("data/mnist"))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected = ["t10k-images-idx3", "t10k-labels-idx1", "train-images-idx3", "train-labels-idx1"];
    assert_eq!(names, expected.map(|name| format!("{name}-ubyte.gz")));
    // The second time no mirror is asked, by name or without.
    for data in [&["--data", "mnist"][..], &[]] {
        let output = train(dir.path(), "http://127.0.0.1:9", data);
        assert!(
            output.status.success() && stderr(&output).contains("data: MNIST in data/mnist"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn a_mirror_that_is_down_forbids_or_sends_other_bytes_is_passed_over() {
    let Some(mnist) = mnist() else { return };
    let dir = tempfile::tempdir().unwrap();
    let forbidden = serve(|_| (403, b"<html>Forbidden</html>".to_vec()));
    let unavailable = serve(|_| (503, Vec::new()));
    let other = {
        let mnist = mnist.clone();
        serve(move |name| {
            let mut bytes = fs::read(mnist.join(name)).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            (200, bytes)
        })
    };
    let good = serve(move |name| (200, fs::read(mnist.join(name)).unwrap()));
    let mirrors = ["http://127.0.0.1:9", "http://no-such-host.invalid", &forbidden, &unavailable, &other];
    let output = train(dir.path(), &mirrors.join(","), &["--data", "mnist"]);
    let error = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{error}");
    for word in ["127.0.0.1:9", "no-such-host.invalid", "403", "503", "expected 9912422 bytes", "--data digits"] {
        assert!(error.contains(word), "expected '{word}' in: {error}");
    }
    let output = train(dir.path(), &[&mirrors[..], &[&good]].concat().join(","), &["--data", "mnist"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_password_in_the_mirrors_url_is_sent_but_never_shown_and_an_empty_mirror_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let mirror = serve(|_| (503, Vec::new())).replacen("http://", "http://me:s3cret@", 1);
    let garbled = "http://me:s3cret@no such host/";
    for data in [&["--data", "mnist"][..], &[]] {
        let output = train(dir.path(), &format!("{mirror}, ,{garbled}"), data);
        let error = stderr(&output);
        assert!(error.contains("503") && error.contains("http://***@127.0.0.1:"), "{error}");
        assert!(!error.contains("s3cret") && error.contains("http://***@no such host: not a URL"), "{error}");
    }
    // The program's own mirrors then, through a proxy that is not there, so that nobody is asked.
    let mut command = program(dir.path(), &["--data", "mnist"]);
    let output = command.env("MNIST_MIRROR", " ").env("https_proxy", "http://127.0.0.1:9").output().unwrap();
    assert!(stderr(&output).contains("from https://ossci-datasets"), "{}", stderr(&output));
}

#[test]
fn the_proxy_of_the_environment_is_used_for_the_scheme_that_it_is_for_and_named_where_it_fails() {
    let Some(mnist) = mnist() else { return };
    let good = serve(move |name| (200, fs::read(mnist.join(name)).unwrap()));
    let fetch = |variables: &[(&str, &str)]| {
        let dir = tempfile::tempdir().unwrap();
        let mut command = program(dir.path(), &["--data", "mnist", "--max-steps", "1", "--eval-every", "1"]);
        let output = command.env("MNIST_MIRROR", &good).envs(variables.iter().copied()).output().unwrap();
        if output.status.success() { Ok(()) } else { Err(stderr(&output)) }
    };
    let nobody = "http://me:s3cret@127.0.0.1:9";
    fetch(&[("https_proxy", nobody)]).expect("the mirror is not https");
    fetch(&[("http_proxy", nobody), ("no_proxy", "localhost, 127.0.0.1")]).unwrap();
    let error = fetch(&[("http_proxy", nobody)]).unwrap_err();
    assert!(error.contains("through the proxy 127.0.0.1:9: io: Connection refused"), "{error}");
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn a_proxy_that_opens_no_tunnel_to_an_http_mirror_is_asked_for_the_files_themselves() {
    let Some(mnist) = mnist() else { return };
    let dir = tempfile::tempdir().unwrap();
    // No name server knows the mirror: that is the proxy's to find.
    let proxy = serve_heads(move |head| {
        let target = head.split(' ').nth(1).unwrap();
        let head_has = |line: &str| head.lines().any(|found| found.eq_ignore_ascii_case(line));
        let mirror = target.strip_prefix("http://mirror.invalid:8000/");
        let status = match mirror {
            _ if head.starts_with("CONNECT ") => "405 No tunnels",
            _ if !head_has("Proxy-Authorization: Basic bWU6czNjcmV0") => "407 Who are you",
            _ if !head_has("Host: mirror.invalid:8000") => "400 Two hosts",
            _ if !head_has("Authorization: Basic eW91OnRvbw==") => "401 No pupil",
            Some(path) => match path.strip_prefix("moved/") {
                Some(name) => return (format!("302 Found\r\nLocation: /{name}"), Vec::new()),
                None => return ("200 OK".into(), fs::read(mnist.join(path)).unwrap()),
            },
            None => "404 Another mirror",
        };
        (status.into(), Vec::new())
    });
    let mut command = program(dir.path(), &["--data", "mnist", "--max-steps", "1", "--eval-every", "1"]);
    command.env("MNIST_MIRROR", "http://you:too@mirror.invalid:8000/moved");
    let output = command.env("http_proxy", proxy.replacen("http://", "http://me:s3cret@", 1)).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
fn a_mirror_is_trusted_by_the_certificates_that_ssl_cert_file_and_ssl_cert_dir_name_also_through_a_tunnel() {
    let Some(mnist) = mnist() else { return };
    let dir = tempfile::tempdir().unwrap();
    let pem = |name: &str| dir.path().join(name);
    for (key, certificate) in [("key.pem", "cert.pem"), ("other-key.pem", "other.pem")] {
        let subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
        let request = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "9", "-keyout", key, "-out"];
        let leaf = ["-addext", "basicConstraints=critical,CA:FALSE"];
        let mut openssl = Command::new("openssl");
        openssl.args(request).arg(certificate).args(subject).args(leaf).current_dir(dir.path());
        if !openssl.stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
            return crate::common::not_run("openssl");
        }
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Command::new("openssl");
    server.args(["s_server", "-quiet", "-WWW", "-accept", &format!("127.0.0.1:{port}"), "-cert"]).arg(pem("cert.pem"));
    server.arg("-key").arg(pem("key.pem")).current_dir(&mnist).stdout(Stdio::null()).stderr(Stdio::null());
    let mut server = server.stdin(Stdio::piped()).spawn().unwrap();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(server.try_wait().unwrap().is_none(), "openssl s_server ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    let train = |variables: &[(&str, &OsStr)]| {
        let new = tempfile::tempdir().unwrap();
        let mut command = program(new.path(), &["--data", "mnist", "--max-steps", "1", "--eval-every", "1"]);
        command.env("MNIST_MIRROR", format!("https://127.0.0.1:{port}"));
        command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR").envs(variables.iter().copied()).output().unwrap()
    };
    let [no, key, cert] = ["no.pem", "key.pem", "cert.pem"].map(pem);
    let [missing, empty, trusted] = [&no, &key, &cert].map(|path| train(&[("SSL_CERT_FILE", path.as_os_str())]));
    // Several folders, one of which is missing, and with files that hold no certificate.
    let folders = std::env::join_paths([&no, dir.path()]).unwrap();
    let other = pem("other.pem");
    let [none, folder, both] = [
        &[("SSL_CERT_DIR", no.as_os_str())][..],
        &[("SSL_CERT_DIR", &folders)],
        &[("SSL_CERT_DIR", dir.path().as_os_str()), ("SSL_CERT_FILE", other.as_os_str())],
    ]
    .map(train);
    let unknown = train(&[("SSL_CERT_FILE", other.as_os_str())]);
    let tunnel = serve_tunnels();
    let tunnelled = train(&[("SSL_CERT_FILE", cert.as_os_str()), ("https_proxy", tunnel.as_ref())]);
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(!unknown.status.success() && stderr(&unknown).contains("certificate"), "{}", stderr(&unknown));
    assert!(stderr(&missing).contains("SSL_CERT_FILE names no certificates") && stderr(&missing).contains("no.pem"));
    assert!(stderr(&empty).contains("key.pem: expected certificates in PEM, found none"), "{}", stderr(&empty));
    let words = ["SSL_CERT_DIR", "no.pem: expected folders with certificates in PEM, found none"];
    assert!(words.iter().all(|word| stderr(&none).contains(word)), "{}", stderr(&none));
    for trusted in [trusted, folder, both, tunnelled] {
        assert!(trusted.status.success(), "{}", stderr(&trusted));
    }
}

#[test]
fn downloads_at_once_do_each_other_no_harm_and_what_a_killed_one_has_left_is_removed() {
    let Some(mnist) = mnist() else { return };
    let dir = tempfile::tempdir().unwrap();
    let good = serve(move |name| (200, fs::read(mnist.join(name)).unwrap()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let output = train(dir.path(), &good, &["--data", "mnist"]);
                assert!(output.status.success(), "{}", stderr(&output));
            });
        }
    });
    let count = |dir: &Path| fs::read_dir(dir).unwrap().count();
    let downloaded = dir.path().join("data/mnist");
    assert_eq!(count(&downloaded), 4, "nothing but the four files");
    // One that is killed leaves a file half written: the next removes it.
    let name = "t10k-labels-idx1-ubyte.gz";
    fs::rename(downloaded.join(name), downloaded.join(format!("partial-Ab3De6Gh9Jk2-{name}"))).unwrap();
    let output = train(dir.path(), &good, &["--data", "mnist"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(count(&downloaded), 4, "nothing but the four files");
}
