//! Photographs that are given to `play`: read beside what else it does, and refused with a reason.

use crate::page::{Page, alive, ask, train};
#[cfg(unix)]
use crate::play::assert_ctrl_c_ends;
use crate::running::{run, stderr};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A BMP of 64 bytes that says of itself that it has so many pixels, and then that the rest is blank.
fn blank_bmp(width: u32, height: u32) -> Vec<u8> {
    let numbers = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>();
    let (one_plane, run_lengths, palette) = (1 | 8 << 16, 1, [0x80, 0x80, 0x80, 0]);
    let head = numbers(&[64, 0, 58, 40, width, height, one_plane, run_lengths, 2, 0, 0, 1, 1]);
    [b"BM", &head[..], &palette, &[0, 1], &[0; 4]].concat()
}

/// Sends as many pictures as keep the program at work for seconds, and waits for no answer.
fn busy_with_pictures(page: &Page) -> Vec<TcpStream> {
    let picture = blank_bmp(8000, 8000);
    let head = format!(
        "POST /api/picture?run=cnn&weights=untrained HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n",
        page.host(),
        picture.len()
    );
    let request = [head.as_bytes(), &picture].concat();
    let send = |_| {
        let mut stream = TcpStream::connect(page.host()).unwrap();
        stream.write_all(&request).unwrap();
        stream
    };
    let streams = (0..5).map(send).collect();
    std::thread::sleep(Duration::from_millis(300));
    streams
}

/// Whether an answer has come.
fn is_answered(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).unwrap();
    stream.peek(&mut [0]).is_ok()
}

#[test]
fn while_photographs_are_read_others_are_answered() {
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open(dir.path());
    let streams = busy_with_pictures(&page);
    alive(&page);
    let url = format!("{}api/picture?run=cnn&weights=untrained", page.address);
    let (status, text) = ask("POST", &url, Some(&blank_bmp(112, 112)));
    assert_eq!(status, 200, "{text}");
    assert!(!is_answered(streams.last().unwrap()), "the photographs came first");
}

#[test]
fn a_picture_of_more_pixels_than_a_page_should_be_given_is_refused_with_its_size() {
    let dir = tempfile::tempdir().unwrap();
    let page = Page::open(dir.path());
    let url = format!("{}api/picture?run=cnn&weights=untrained", page.address);
    let (status, text) = ask("POST", &url, Some(&blank_bmp(10_000, 9_000)));
    assert!(status == 422 && text.contains("10000x9000 pixels: expected at most 64000000; make it smaller"), "{text}");
}

#[test]
fn a_picture_without_a_digit_is_answered_with_what_predict_says_of_it() {
    let dir = tempfile::tempdir().unwrap();
    train(dir.path(), "cnn", "5");
    std::fs::write(dir.path().join("blank.bmp"), blank_bmp(112, 112)).unwrap();
    let predicted = stderr(&run(dir.path(), &["predict", "blank.bmp"]));
    let why = predicted.split_once("error: blank.bmp: ").unwrap().1.trim();
    let page = Page::open(dir.path());
    let url = format!("{}api/picture?run=runs/cnn&weights=last", page.address);
    let (status, text) = ask("POST", &url, Some(&blank_bmp(112, 112)));
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &answer), (200, &json!({ "refused": why })));
    assert!(why.starts_with("no digit found: "), "{why}");
}

#[test]
#[cfg(unix)]
fn the_first_ctrl_c_ends_it_also_while_photographs_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut page = Page::open(dir.path());
    let streams = busy_with_pictures(&page);
    assert_ctrl_c_ends(&mut page);
    let answer = streams.last().unwrap().read(&mut [0; 1000]);
    assert!(!answer.is_ok_and(|length| length > 0), "it was waited for");
}
