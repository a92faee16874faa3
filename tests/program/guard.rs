//! Whom `play` answers: this machine's own page and programs, however many connections there are, and no other page.

use crate::page::{Page, alive, ask, raw};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// The status and the whole of what comes back for a GET of `path` with these lines in its head.
fn get(page: &Page, path: &str, lines: &[&str]) -> (u16, String) {
    let head = format!("GET {path} HTTP/1.1\r\n{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"));
    let reply = raw(page, head.as_bytes());
    let status = reply.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("{lines:?}: {reply}")), reply)
}

#[test]
fn this_machines_own_names_are_answered_at_any_port_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open(dir.path());
    let port = page.host().rsplit_once(':').unwrap().1;
    for name in ["127.0.0.1", "localhost", "LocalHost", "[::1]"] {
        // Port 80 is left out, and `ssh -L 9000:localhost:7828` brings another.
        for host in [name.to_owned(), format!("{name}:{port}"), format!("{name}:9000")] {
            assert_eq!(get(&page, "/", &[&format!("Host: {host}")]).0, 200, "{host}");
        }
    }
    let with_port = format!("evil.example:{port}");
    for host in [
        "evil.example",
        &with_port,
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "evil.example@localhost",
        "localhost@evil.example",
        "localhost:evil",
        "localhost:80:80",
        "127.0.0.2",
        "::1",
        "",
    ] {
        let (status, reply) = get(&page, "/", &[&format!("Host: {host}")]);
        assert!(
            status == 403 && reply.contains("this page answers to the names 127.0.0.1, localhost and [::1]"),
            "{host}: {reply}"
        );
    }
    assert_eq!(get(&page, "/", &["Host: localhost", "Host: evil.example"]).0, 403);
    let without = raw(&page, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
    assert!(without.starts_with("HTTP/1.1 4"), "{without}");
    alive(&page);
}

#[test]
fn another_pages_requests_are_refused_and_a_link_to_this_page_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open(dir.path());
    let host = format!("Host: {}", page.host());
    let own = format!("Origin: http://{}", page.host());
    let status = |path: &str, lines: &[&str]| get(&page, path, &[&[host.as_str()][..], lines].concat()).0;
    let runs = "/api/runs";
    assert_eq!(status(runs, &[]), 200, "a program such as curl says nothing of where it comes from");
    assert_eq!(status(runs, &[&own]), 200);
    for site in ["same-origin", "none"] {
        assert_eq!(status(runs, &[&format!("Sec-Fetch-Site: {site}")]), 200, "{site}");
    }
    assert_eq!(get(&page, runs, &["Host: localhost:9000", "Origin: http://localhost:9000"]).0, 200);
    let reply = get(&page, runs, &[&host, "Origin: http://evil.example"]).1;
    assert!(reply.contains("no requests from other pages"), "{reply}");
    for origin in ["http://evil.example", "http://localhost:1", "http://127.0.0.1", "https://127.0.0.1", "null", ""] {
        assert_eq!(status(runs, &[&format!("Origin: {origin}")]), 403, "{origin}");
        assert_eq!(status("/", &[&format!("Origin: {origin}")]), 403, "{origin}");
    }
    for site in ["cross-site", "same-site", "anything", ""] {
        let site = format!("Sec-Fetch-Site: {site}");
        let link = ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"];
        let to = |path: &str, mode: &str, dest: &str| status(path, &[&site, mode, dest]);
        assert_eq!(to("/", link[0], link[1]), 200, "{site}");
        assert_eq!(to(runs, link[0], link[1]), 403, "{site}");
        assert_eq!(to("/api/digit?run=cnn&weights=untrained&index=0&mistake=false", link[0], link[1]), 403, "{site}");
        assert_eq!(to("/", link[0], "Sec-Fetch-Dest: iframe"), 403, "{site}");
        assert_eq!(to("/", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image"), 403, "{site}");
        assert_eq!(status("/", &[&site]), 403, "{site}");
        assert_eq!(status(runs, &[&own, &site]), 403, "{site}");
    }
    alive(&page);
}

#[test]
fn every_answer_carries_the_same_headers() {
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open(dir.path());
    let host = format!("Host: {}", page.host());
    let post = |path: &str, length: usize| {
        let head = format!("POST {path} HTTP/1.1\r\n{host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        raw(&page, &[head.as_bytes(), &vec![0; length]].concat())
    };
    for (status, reply) in [
        (200, get(&page, "/", &[&host]).1),
        (200, get(&page, "/api/runs", &[&host]).1),
        (400, get(&page, "/api/convolutions", &[&host]).1),
        (403, get(&page, "/", &["Host: evil.example"]).1),
        (403, get(&page, "/", &[&host, "Origin: http://evil.example"]).1),
        (404, get(&page, "/nowhere", &[&host]).1),
        (405, post("/api/runs", 0)),
        (413, post("/api/picture?run=cnn&weights=untrained", (20 << 20) + 1)),
        (415, post("/api/arguments", 2)),
        (422, get(&page, "/api/convolutions?run=nowhere&weights=last", &[&host]).1),
    ] {
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "expected {status}: {reply}");
        for header in [
            "content-security-policy: default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'",
            "cross-origin-resource-policy: same-origin",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
        ] {
            assert_eq!(reply.matches(header).count(), 1, "{header}: {reply}");
        }
    }
}

#[test]
fn a_body_without_a_length_is_refused_too_where_it_is_too_large() {
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open(dir.path());
    let head = format!(
        "POST /api/picture?run=cnn&weights=untrained HTTP/1.1\r\nHost: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        page.host()
    );
    let chunk = [format!("{:x}\r\n", 1 << 20).as_bytes(), &vec![0; 1 << 20], b"\r\n"].concat();
    let reply = raw(&page, &[head.into_bytes(), chunk.repeat(30), b"0\r\n\r\n".to_vec()].concat());
    assert!(reply.starts_with("HTTP/1.1 413") && reply.contains("31457280 bytes are too many"), "{reply}");
    alive(&page);
}

#[test]
fn a_request_that_is_never_finished_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open(dir.path());
    for beginning in [&b""[..], b"GET / HTTP/1.1\r\nHost:"] {
        let mut stream = TcpStream::connect(page.host()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(300))).unwrap();
        stream.write_all(beginning).unwrap();
        let ended = stream.read_to_end(&mut Vec::new());
        assert!(ended.is_ok(), "{:?} is waited for still: {ended:?}", String::from_utf8_lossy(beginning));
    }
    alive(&page);
}

#[test]
#[cfg(unix)]
fn more_connections_than_it_may_have_files_do_not_end_it() {
    use std::os::unix::process::CommandExt;
    let dir = tempfile::tempdir().unwrap();
    let few_files = || {
        let most = libc::rlimit { rlim_cur: 30, rlim_max: 30 };
        match unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &most) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    let mut page = Page::open_with(dir.path(), |command| unsafe { command.pre_exec(few_files) });
    let half_open: Vec<_> = (0..100).map(|_| TcpStream::connect(page.host()).unwrap()).collect();
    for mut stream in &half_open {
        stream.write_all(b"GET / HTTP/1.1\r\n").unwrap();
    }
    std::thread::sleep(Duration::from_secs(1)); // it has no file for the last of them
    assert!(page.program.try_wait().unwrap().is_none(), "it has ended");
    drop(half_open);
    assert_eq!(ask("GET", &page.address, None).0, 200);
    alive(&page);
}
