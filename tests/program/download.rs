//! The download of MNIST from a server on this machine.

use crate::common::mnist;
use crate::running::{program, stderr};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::Path;

/// Answers each request with what `answer` makes of the file's name; returns the server's URL.
fn serve(answer: impl Fn(&str) -> (u16, Vec<u8>) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let request = lines.next().unwrap().unwrap();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            let (status, body) = answer(request.split([' ', '/']).nth(2).unwrap());
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    url
}

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
fn two_downloads_at_once_do_each_other_no_harm() {
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
    assert_eq!(fs::read_dir(dir.path().join("data/mnist")).unwrap().count(), 4, "nothing but the four files");
}
