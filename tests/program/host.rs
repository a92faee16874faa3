//! `play --host`: others on the network use the page, if they have its link, and as many as a class at once.

use crate::page::{Browser, Page, ask, raw};
use crate::running::{run, stderr};
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use std::path::Path;
use std::thread;

/// A page for others, at an address of this machine that only it can reach.
struct Class {
    page: Page,
    /// Such as `http://127.0.0.1:40123/`.
    base: String,
    /// Such as `token=0123...`.
    token: String,
}

impl Class {
    fn open(dir: &Path) -> Self {
        let mut page = Page::open_with(dir, |command| command.args(["--host", "127.0.0.1"]));
        let (base, token) = page.address.split_once('?').map(|(base, token)| (base.into(), token.into())).unwrap();
        page.address.truncate(page.address.find('?').unwrap());
        Self { page, base, token }
    }

    fn port(&self) -> &str {
        self.page.host().rsplit_once(':').unwrap().1
    }

    /// The whole of what comes back for a GET with these lines in its head.
    fn get(&self, path: &str, lines: &[&str]) -> String {
        let head = format!("GET {path} HTTP/1.1\r\n{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"));
        raw(&self.page, head.as_bytes())
    }
}

#[test]
fn who_does_not_bring_the_token_is_told_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let class = Class::open(dir.path());
    let host = format!("Host: {}", class.page.host());
    let secret = class.token.strip_prefix("token=").unwrap();
    assert!(secret.len() == 32 && secret.bytes().all(|digit| digit.is_ascii_hexdigit()), "{secret}");
    let cookie = |name: &str, value: &str| format!("Cookie: {name}={value}");
    let name = format!("play-{}", class.port());
    let wrong = secret.replace(|digit| digit != '0', "0");
    for path in ["/", "/style.css", "/page.js", "/api/runs", "/nowhere"] {
        for (query, line) in [
            ("", "Accept: */*"),
            ("?token=", "Accept: */*"),
            (&*format!("?token={wrong}"), "Accept: */*"),
            (&*format!("?token={}", &secret[1..]), "Accept: */*"),
            (&*format!("?token={secret}0"), "Accept: */*"),
            (&*format!("?nottoken={secret}"), "Accept: */*"),
            ("", &*cookie(&name, "")),
            ("", &*cookie(&name, &wrong)),
            ("", &*cookie("play-1", secret)),
            ("", &*format!("Authorization: Bearer {secret}")),
        ] {
            let reply = class.get(&format!("{path}{query}"), &[&host, line]);
            assert!(reply.starts_with("HTTP/1.1 403 "), "{path}{query}, {line}: {reply}");
            assert!(reply.contains("this page is for those who have its link"), "{reply}");
            assert!(!reply.contains(secret), "{reply}");
        }
    }
    let runs = class.get("/api/runs", &[&host, &format!("{}; {}", cookie("other", "1"), &cookie(&name, secret)[8..])]);
    assert!(runs.starts_with("HTTP/1.1 200 ") && runs.contains("untrained"), "{runs}");
    assert_eq!(ask("GET", &format!("{}api/runs?{}", class.base, class.token), None).0, 200);
}

#[test]
fn the_token_opens_no_other_name_and_no_other_page() {
    let dir = tempfile::tempdir().unwrap();
    let class = Class::open(dir.path());
    let path = format!("/api/runs?{}", class.token);
    let with_port = format!("Host: evil.example:{}", class.port());
    for host in ["Host: evil.example", &with_port, "Host: 0.0.0.0", "Host: 127.0.0.2"] {
        let reply = class.get(&path, &[host]);
        assert!(reply.starts_with("HTTP/1.1 403 ") && reply.contains("this page answers to the names"), "{reply}");
    }
    let host = format!("Host: {}", class.page.host());
    for line in ["Origin: http://evil.example", "Sec-Fetch-Site: cross-site"] {
        let reply = class.get(&path, &[&host, line]);
        assert!(reply.starts_with("HTTP/1.1 403 ") && reply.contains("no requests from other pages"), "{reply}");
    }
}

#[test]
fn the_link_leads_to_the_page_and_leaves_a_cookie_that_scripts_and_other_pages_do_not_have() {
    let dir = tempfile::tempdir().unwrap();
    let class = Class::open(dir.path());
    let host = format!("Host: {}", class.page.host());
    let entry = class.get(&format!("/?{}", class.token), &[&host]);
    let secret = &class.token["token=".len()..];
    let cookie = format!("set-cookie: play-{}={secret}; Path=/; HttpOnly; SameSite=Strict\r\n", class.port());
    assert!(entry.starts_with("HTTP/1.1 200 ") && entry.contains(&cookie), "{entry}");
    assert!(entry.contains("src=\"entry.js\"") && entry.contains("content-security-policy"), "{entry}");

    let Some(browser) = Browser::start() else { return };
    browser.open_page(&format!("{}?{}&more=1#pooling", class.base, class.token));
    assert_eq!(browser.script("return location.href"), format!("{}?more=1#pooling", class.base));
    assert_eq!(browser.script("return document.cookie"), "");
    assert_eq!(browser.complaints(), [""; 0]);

    // From a page elsewhere, such as a course's: followed, and there still when the page is loaded anew.
    let browser = Browser::start().unwrap();
    let elsewhere = Page::open(dir.path());
    browser.open_page(&elsewhere.address.replace("127.0.0.1", "localhost"));
    let link = format!("{}?{}", class.base, class.token);
    browser.script(&format!("$('message').innerHTML = '<a id=\"link\" href=\"{link}\">the page</a>'"));
    browser.click("#link");
    for _ in 0..2 {
        browser.wait(&format!("location.href === '{}' && typeof state === 'object' && state.answer", class.base));
        browser.post("/refresh", serde_json::json!({}));
    }
}

#[test]
fn an_address_of_no_use_is_refused_with_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    for (host, expected) in [
        (
            "203.0.113.77",
            "203.0.113.77 is not an address of this machine: give --host one of its addresses, or 0.0.0.0 for all",
        ),
        ("localhost", "expected an address of this machine, such as 192.168.1.20, or 0.0.0.0 for all its addresses"),
        ("192.168.1.20:80", "expected an address of this machine"),
    ] {
        let output = run(dir.path(), &["play", "--no-browser", "--port", "0", "--host", host]);
        assert!(!output.status.success() && output.stdout.is_empty(), "{host}");
        assert!(stderr(&output).contains(expected), "{host}: {}", stderr(&output));
    }
}

#[test]
fn all_addresses_of_the_machine_are_printed_as_one_that_others_can_open() {
    let elsewhere = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.connect("192.0.2.1:9"));
    if elsewhere.is_err() {
        return crate::common::not_run("a network");
    }
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open_with(dir.path(), |command| command.args(["--host", "0.0.0.0"]));
    assert!(!page.address.contains("//0.0.0.0") && !page.address.contains("//127."), "{}", page.address);
    let link = page.address.replace("/?", "/api/runs?");
    assert_eq!(ask("GET", &link, None).0, 200, "{link}");
    let port = page.address.rsplit_once(':').unwrap().1;
    assert_eq!(ask("GET", &format!("http://127.0.0.1:{}", port.replace("/?", "/api/runs?")), None).0, 200);
    assert_eq!(ask("GET", link.split_once('?').unwrap().0, None).0, 403);
}

/// How much memory a process has had at most, in MB.
#[cfg(target_os = "linux")]
fn most_memory(page: &Page) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", page.program.id())).unwrap();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")).unwrap();
    kilobytes.parse::<usize>().unwrap() / 1024
}

/// A grey picture of this size without a digit, which is small as a file.
fn empty_picture(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let greys = vec![128; (width * height) as usize];
    PngEncoder::new(&mut file).write_image(&greys, width, height, ExtendedColorType::L8).unwrap();
    file
}

#[test]
#[cfg(target_os = "linux")]
fn thirty_at_once_are_all_answered_and_memory_stays_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let class = Class::open(dir.path());
    let of = |path: &str| format!("{}{path}run=cnn&weights=untrained&{}", class.base, class.token);
    let (drawing, photograph, blank) = (empty_picture(112, 112), empty_picture(3000, 2000), [0; 784]);
    let noise = vec![0xa5; 20 << 20];
    let all = |requests: &(dyn Fn(usize) + Sync)| {
        thread::scope(|scope| (0..30).for_each(|pupil| drop(scope.spawn(move || requests(pupil)))));
    };
    let check = |url: &str, body: &[u8], expected: u16| {
        let (status, text) = ask("POST", url, Some(body));
        assert_eq!(status, expected, "{url}: {text}");
    };
    all(&|pupil| {
        for _ in 0..5 {
            check(&of("api/pixels?"), &blank, 200);
            check(&of("api/picture?"), &drawing, 200);
            check(&of(&format!("api/sum?layer=0&channel={}&row=5&column=5&", pupil % 16)), &blank, 200);
        }
    });
    all(&|_| check(&of("api/picture?"), &photograph, 200));
    all(&|_| check(&of("api/picture?"), &noise, 422));
    // 116 MB are libtorch's. Of the files alone, all at once would be 600, and of each thread's share of the photographs 500.
    let most = most_memory(&class.page);
    assert!(most < 600, "{most} MB");
}
