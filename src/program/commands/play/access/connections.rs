//! Takes connections, so many at once and each only for a while: whatever others do, the page stays open.

use super::shares::Shares;
use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// From one address, where one more is closed. Where only this machine is answered from all, and one more waits. A browser opens
/// about six.
pub const FOR_ONE: usize = 32;
/// From all addresses of a network, one more waits: thirty browsers, each with its six, and room.
pub const FOR_A_CLASS: usize = 256;
/// After what has gone wrong when a connection was to be taken, such as too many open files.
const UNTIL_NEXT_TRY: Duration = Duration::from_millis(100);

/// How long is waited for a request, from the connection on.
#[derive(Clone, Copy)]
pub struct Patience {
    pub for_the_head: Duration,
    /// Until it is answered and the answer is taken. A photograph may come through a slow tunnel.
    pub for_all: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { for_the_head: Duration::from_secs(5), for_all: Duration::from_secs(120) }
    }
}

/// The two ends of a request's connection; each request carries them as an extension.
#[derive(Clone, Copy, Debug)]
pub struct Ends {
    pub from: IpAddr,
    pub to: IpAddr,
    pub port: u16,
}

/// Answers each connection's request, for ever; `most` connections at once. One over its client's share is closed.
pub async fn serve(listener: TcpListener, router: Router, patience: Patience, most: usize) -> Infallible {
    let (places, shares) = (Arc::new(Semaphore::new(most)), Shares::new(FOR_ONE));
    let service = Arc::new(TowerToHyperService::new(router));
    let mut http = http1::Builder::new();
    // One request each: a connection that is kept open cannot be told from one that only takes a place.
    http.timer(TokioTimer::new()).header_read_timeout(patience.for_the_head).keep_alive(false);
    loop {
        let place = places.clone().acquire_owned().await;
        let Ok((stream, from)) = listener.accept().await else {
            sleep(UNTIL_NEXT_TRY).await;
            continue;
        };
        // A listener on [::] has addresses of the fourth version in the clothes of the sixth.
        let from = from.ip().to_canonical();
        let (Ok(to), Ok(share)) = (stream.local_addr(), shares.of(from).try_acquire_owned()) else { continue };
        let ends = Ends { from, to: to.ip().to_canonical(), port: to.port() };
        let service = service.clone();
        let answer = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(ends);
            service.call(request)
        });
        let answered = http.serve_connection(TokioIo::new(stream), answer);
        tokio::spawn(async move {
            let _ = timeout(patience.for_all, answered).await;
            drop((place, share));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;
    use axum::routing::post;
    use std::io::{Read, Write};
    use std::net::TcpStream;

    /// What comes back for these bytes until the connection is closed.
    fn answer(bytes: Vec<u8>, patience: Patience) -> String {
        let router = Router::new().route("/", post(async |_: Bytes| "all of it"));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(serve(listener, router, patience, FOR_ONE));
            let ask = move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(100))).unwrap();
                stream.write_all(&bytes).unwrap();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).unwrap();
                answer
            };
            tokio::task::spawn_blocking(ask).await.unwrap()
        })
    }

    #[test]
    fn what_does_not_come_to_an_end_is_given_up_and_what_does_is_answered() {
        let little = Patience { for_the_head: Duration::from_millis(100), for_all: Duration::from_millis(300) };
        let (head, body) = ("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n", "body");
        for beginning in ["", &head[..1], &head[..30]] {
            assert!(!answer(beginning.into(), little).contains("200"), "{beginning}");
        }
        assert_eq!(answer(head.into(), little), "", "the body did not come");
        assert!(answer((head.to_owned() + body).into(), Patience::default()).ends_with("\r\n\r\nall of it"));
    }

    #[test]
    #[cfg(target_os = "linux")] // all of 127.* is this machine's there
    fn a_client_that_takes_all_the_places_it_gets_leaves_some_for_others() {
        use axum::Extension;
        use tokio::net::TcpSocket;
        let tell = async |ends: Extension<Ends>| format!("{:?}", ends.0);
        let router = Router::new().route("/", axum::routing::get(tell));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
            let port = listener.local_addr().unwrap().port();
            tokio::spawn(serve(listener, router, Patience::default(), FOR_A_CLASS));
            let connect = async |client: &str| {
                let socket = TcpSocket::new_v4().unwrap();
                socket.bind(format!("{client}:0").parse().unwrap()).unwrap();
                let stream = socket.connect(([127, 0, 0, 1], port).into()).await.unwrap().into_std().unwrap();
                stream.set_nonblocking(false).unwrap();
                stream
            };
            let ask = async |mut stream: TcpStream| {
                let ask = move || {
                    let mut answer = String::new();
                    let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
                    let _ = stream.read_to_string(&mut answer);
                    answer
                };
                tokio::task::spawn_blocking(ask).await.unwrap()
            };
            let mut silent = Vec::new();
            for _ in 0..FOR_ONE {
                silent.push(connect("127.0.0.2").await);
            }
            assert_eq!(ask(connect("127.0.0.2").await).await, "");
            let answer = ask(connect("127.0.0.3").await).await;
            assert!(answer.ends_with(&format!("Ends {{ from: 127.0.0.3, to: 127.0.0.1, port: {port} }}")), "{answer}");
            drop(silent);
        });
    }
}
