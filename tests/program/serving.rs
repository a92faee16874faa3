//! Mirrors and proxies on this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

/// Answers each request with what `answer` makes of the file's name; returns the server's URL.
pub fn serve(answer: impl Fn(&str) -> (u16, Vec<u8>) + Send + 'static) -> String {
    serve_heads(move |head| {
        let (status, body) = answer(head.split([' ', '/']).nth(2).unwrap());
        (format!("{status} X"), body)
    })
}

/// Likewise with what `answer` makes of all that comes before an empty line: a status with or without more lines, and a body.
pub fn serve_heads(answer: impl Fn(&str) -> (String, Vec<u8>) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head: Vec<_> = lines.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
            let (status, body) = answer(&head.join("\n"));
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        }
    });
    url
}

/// A proxy that opens tunnels and does nothing else; returns its URL.
pub fn serve_tunnels() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut client = stream.unwrap();
            let mut asked = BufReader::new(client.try_clone().unwrap());
            let lines = asked.by_ref().lines().map_while(Result::ok);
            let head: Vec<_> = lines.take_while(|line| !line.is_empty()).collect();
            let target = head[0].strip_prefix("CONNECT ").unwrap().split(' ').next().unwrap();
            let mut server = TcpStream::connect(target).unwrap();
            client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            let mut answers = server.try_clone().unwrap();
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut asked, &mut server);
                server.shutdown(Shutdown::Write)
            });
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut answers, &mut client);
                client.shutdown(Shutdown::Write)
            });
        }
    });
    url
}
