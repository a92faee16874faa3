//! Takes connections, so many at once and each only for a while: whatever others on this machine do, the page stays open.

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// A browser opens about six; more wait until these are answered.
const MOST_CONNECTIONS: usize = 32;
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

/// Answers each connection's request, for ever.
pub async fn serve(listener: TcpListener, router: Router, patience: Patience) -> Infallible {
    let places = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    let mut http = http1::Builder::new();
    // One request each: a connection that is kept open cannot be told from one that only takes a place.
    http.timer(TokioTimer::new()).header_read_timeout(patience.for_the_head).keep_alive(false);
    loop {
        let place = places.clone().acquire_owned().await;
        let Ok((stream, _)) = listener.accept().await else {
            sleep(UNTIL_NEXT_TRY).await;
            continue;
        };
        let answered = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router.clone()));
        tokio::spawn(async move {
            let _ = timeout(patience.for_all, answered).await;
            drop(place);
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
            tokio::spawn(serve(listener, router, patience));
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
}
