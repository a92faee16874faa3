//! Who is answered, how much a request may bring, and what every answer says to the browser.

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::future::poll_fn;
use std::pin::Pin;

/// This machine's names for itself.
const NAMES: [&str; 3] = ["127.0.0.1", "localhost", "[::1]"];
/// Bytes that a request may bring; only a photograph has many.
const LARGEST_BODY: u64 = 20 << 20;

const HEADERS: [(header::HeaderName, HeaderValue); 4] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'"),
    ),
    (header::HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// Answers what this page or a program on this machine asks. The handlers get the whole body.
pub async fn guard(request: Request, next: Next) -> Response {
    let mut response = match admitted(request).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    response.headers_mut().extend(HEADERS);
    response
}

type Refusal = (StatusCode, String);

async fn admitted(request: Request) -> Result<Request, Refusal> {
    let refused = |text: &str| Err((StatusCode::FORBIDDEN, text.to_owned()));
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next().and_then(|host| host.to_str().ok()), hosts.next()) else {
        return refused("expected one Host header");
    };
    if !is_own(host) {
        return refused("this page answers to the names 127.0.0.1, localhost and [::1] only");
    }
    if !is_of_this_page(host, request.headers()) && !is_link_to_the_page(&request) {
        return refused("this page answers no requests from other pages");
    }
    let (head, body) = request.into_parts();
    Ok(Request::from_parts(head, whole(body).await?.into()))
}

/// Whether a Host header has one of this machine's names, with any port: the page's own may be forwarded to another. A page
/// elsewhere can have its own name point to 127.0.0.1, but that name stands here then.
fn is_own(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let port = NAMES.iter().find_map(|name| host.strip_prefix(name));
    port.is_some_and(|port| port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok()))
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

/// The whole body. One that is too large is read to its end too: a browser that is still sending does not hear an answer.
async fn whole(mut body: Body) -> Result<Bytes, Refusal> {
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
        let Some(data) = frame.data_ref() else { continue };
        length += data.len() as u64;
        if length <= LARGEST_BODY {
            bytes.extend_from_slice(data);
        }
    }
    if length > LARGEST_BODY {
        let text = format!("{length} bytes are too many: expected at most {LARGEST_BODY}");
        return Err((StatusCode::PAYLOAD_TOO_LARGE, text));
    }
    Ok(bytes.into())
}
