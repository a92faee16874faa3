//! Who is answered, how much a request may bring, and what every answer says to the browser.

use super::connections::Ends;
use super::shares::Shares;
use super::token::Token;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Where a link with the token leads: it goes on to the page by itself. Only what one of our pages asks for brings the cookie;
/// an answer that redirects would still be what the page with the link has asked for.
const ENTRY: &str = include_str!("../../../../../assets/play/entry.html");
/// This machine's names for itself.
const NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];
/// Bytes that a request may bring; only a photograph has many.
const LARGEST_BODY: u64 = 20 << 20;
/// What most bring, such as a drawing. Of those that bring more, so many are in memory at once, and so many of one client.
const SMALL_BODY: usize = 64 << 10;
const MOST_LARGE: usize = 8;
const MOST_LARGE_OF_ONE: usize = 2;

const HEADERS: [(header::HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'"),
    ),
    (header::HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// What the guard knows and counts.
pub struct Guard {
    /// Without it, only this machine is answered.
    token: Option<Token>,
    large: Arc<Semaphore>,
    shares: Shares,
}

/// Whether a program on this machine asks. A handler that takes `Extension<FromThisMachine>` can refuse all others.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FromThisMachine(pub bool);

impl FromThisMachine {
    /// A program that asks for one of this machine's addresses has that address itself, and no other machine can have it.
    fn of(ends: Ends) -> Self {
        Self(ends.from.is_loopback() || ends.from == ends.to)
    }
}

/// Answers what this page or a program that may do so asks. The handlers get the whole body.
pub async fn guard(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let mut response = match guard.admitted(request).await {
        // The place is kept until there is an answer.
        Ok((request, _place)) => match guard.entry(&request) {
            Some(entry) => entry,
            None => next.run(request).await,
        },
        Err(refusal) => refusal.into_response(),
    };
    response.headers_mut().extend(HEADERS);
    response
}

type Refusal = (StatusCode, String);
type Place = Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>;

impl Guard {
    pub fn new(token: Option<Token>) -> Self {
        Self { token, large: Arc::new(Semaphore::new(MOST_LARGE)), shares: Shares::new(MOST_LARGE_OF_ONE) }
    }

    async fn admitted(&self, mut request: Request) -> Result<(Request, Place), Refusal> {
        let refused = |text: &str| Err((StatusCode::FORBIDDEN, text.to_owned()));
        // Whoever has no connection is not of this machine.
        let nowhere = Ends { from: Ipv4Addr::UNSPECIFIED.into(), to: Ipv4Addr::LOCALHOST.into(), port: 0 };
        let ends = request.extensions().get().copied().unwrap_or(nowhere);
        let mut hosts = request.headers().get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else {
            return refused("expected one Host header");
        };
        if !is_own(host, ends.to) {
            return refused(&format!("this page answers to the names {} only", names_in_words(ends.to)));
        }
        let brings_it =
            |token: &Token| token.is_in_cookie(request.headers(), ends.port) || token.is_in_query(request.uri());
        if !self.token.as_ref().is_none_or(brings_it) {
            return refused(
                "this page is for those who have its link, with the token: open the link once more, or ask for it",
            );
        }
        if !is_of_this_page(host, request.headers()) && !is_link_to_the_page(&request) {
            return refused("this page answers no requests from other pages");
        }
        request.extensions_mut().insert(FromThisMachine::of(ends));
        let (head, body) = request.into_parts();
        let (body, place) = self.whole(body, ends.from).await?;
        Ok((Request::from_parts(head, body.into()), place))
    }

    /// What answers who comes by the link.
    fn entry(&self, request: &Request) -> Option<Response> {
        let token = self.token.as_ref().filter(|token| token.is_in_query(request.uri()))?;
        let ends = request.extensions().get::<Ends>()?;
        let is_page = (request.method(), request.uri().path()) == (&Method::GET, "/");
        is_page.then(|| ([(header::SET_COOKIE, token.cookie(ends.port))], Html(ENTRY)).into_response())
    }

    /// The whole body. One that is too large is read to its end too: a browser that is still sending does not hear an answer.
    async fn whole(&self, mut body: Body, from: IpAddr) -> Result<(Bytes, Place), Refusal> {
        let (mut bytes, mut length, mut place) = (Vec::new(), 0, None);
        while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            let frame = frame.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
            let Some(data) = frame.data_ref() else { continue };
            length += data.len() as u64;
            if place.is_none() && length > SMALL_BODY as u64 {
                // Until there is room, the rest stays with the sender.
                let share = self.shares.of(from).acquire_owned().await.ok();
                place = share.zip(self.large.clone().acquire_owned().await.ok());
                bytes.reserve_exact(LARGEST_BODY as usize - bytes.len());
            }
            if length <= LARGEST_BODY {
                bytes.extend_from_slice(data);
            }
        }
        if length > LARGEST_BODY {
            let text = format!("{length} bytes are too many: expected at most {LARGEST_BODY}");
            return Err((StatusCode::PAYLOAD_TOO_LARGE, text));
        }
        Ok((bytes.into(), place))
    }
}

/// Whether a Host header has one of this machine's names or the address `to` that was asked, with any port: the page's own may
/// be forwarded to another. A page elsewhere can have its own name point here, but that name stands in the header then.
fn is_own(host: &str, to: IpAddr) -> bool {
    let host = host.to_ascii_lowercase();
    let is_port =
        |rest: &str| rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    names(to).iter().any(|name| host.strip_prefix(name).is_some_and(is_port))
}

/// As browsers write them.
fn names(to: IpAddr) -> Vec<String> {
    let address = if to.is_ipv4() { to.to_string() } else { format!("[{to}]") };
    let others = (!NAMES.contains(&address.as_str())).then_some(address);
    NAMES.map(str::to_owned).into_iter().chain(others).collect()
}

fn names_in_words(to: IpAddr) -> String {
    let names = names(to);
    let (last, others) = names.split_last().map_or(("", &names[..]), |(last, others)| (last, others));
    format!("{} and {last}", others.join(", "))
}

/// Browsers say from what page a request comes; a program such as curl says nothing.
fn is_of_this_page(host: &str, headers: &HeaderMap) -> bool {
    let origin = format!("http://{host}");
    headers.get(header::ORIGIN).is_none_or(|from| from.as_bytes() == origin.as_bytes())
        && headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none")
}

/// A person may come by a link. The page itself tells nothing, and is not shown inside of another.
fn is_link_to_the_page(request: &Request) -> bool {
    let says = |name: &str, value: &str| request.headers().get(name).is_some_and(|found| found == value);
    request.method() == Method::GET
        && request.uri().path() == "/"
        && !request.headers().contains_key(header::ORIGIN)
        && says("sec-fetch-mode", "navigate")
        && says("sec-fetch-dest", "document")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_program_on_this_machine_is_of_this_machine() {
        for (from, to, is_here) in [
            ("127.0.0.1", "127.0.0.1", true),
            ("::1", "::1", true),
            ("192.168.1.20", "192.168.1.20", true),
            ("192.168.1.21", "192.168.1.20", false),
            ("192.168.1.21", "127.0.0.1", false),
            ("fe80::2", "fe80::1", false),
        ] {
            let ends = Ends { from: from.parse().unwrap(), to: to.parse().unwrap(), port: 7828 };
            assert_eq!(FromThisMachine::of(ends), FromThisMachine(is_here), "{from} to {to}");
        }
    }

    /// What a handler behind the guard is told of who asks; the guard's refusal where there is one.
    fn told(guard: &Arc<Guard>, ends: Option<Ends>, head: &[(&str, &str)]) -> (StatusCode, String) {
        use axum::{Extension, Router, body::to_bytes, middleware, routing::get};
        use hyper_util::service::TowerToHyperService;
        let tell = async |asks: Option<Extension<FromThisMachine>>| format!("{:?}", asks.map(|asks| asks.0));
        let router =
            Router::new().route("/", get(tell)).layer(middleware::from_fn_with_state(guard.clone(), super::guard));
        let mut request = Request::builder().uri("/");
        for (name, value) in head {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().extend(
            ends.map(|ends| {
                let mut extensions = axum::http::Extensions::new();
                extensions.insert(ends);
                extensions
            })
            .unwrap_or_default(),
        );
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let reply = hyper::service::Service::call(&TowerToHyperService::new(router), request).await.unwrap();
            let status = reply.status();
            (status, String::from_utf8(to_bytes(reply.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap())
        })
    }

    #[test]
    fn handlers_are_told_whether_this_machine_asks() {
        let open = Arc::new(Guard::new(None));
        let ends = |from: &str, to: &str| Some(Ends { from: from.parse().unwrap(), to: to.parse().unwrap(), port: 80 });
        let own = [("host", "localhost")];
        let yes = (StatusCode::OK, "Some(FromThisMachine(true))".to_owned());
        let no = (StatusCode::OK, "Some(FromThisMachine(false))".to_owned());
        assert_eq!(told(&open, ends("127.0.0.1", "127.0.0.1"), &own), yes);
        assert_eq!(told(&open, None, &own), no, "nobody says where it comes from");
        let token = Token::random().unwrap();
        let cookie = token.cookie(80);
        let brings = [("host", "192.168.1.20"), ("cookie", cookie.split(';').next().unwrap())];
        let class = Arc::new(Guard::new(Some(token)));
        assert_eq!(told(&class, ends("192.168.1.20", "192.168.1.20"), &brings), yes);
        assert_eq!(told(&class, ends("192.168.1.21", "192.168.1.20"), &brings), no);
        assert_eq!(told(&class, ends("192.168.1.21", "192.168.1.20"), &brings[..1]).0, StatusCode::FORBIDDEN);
        assert_eq!(told(&class, ends("192.168.1.21", "192.168.1.22"), &brings).0, StatusCode::FORBIDDEN);
    }
}
