//! Any bytes as a request to the page of `play`: an answer or a refusal. The first line is method and address, lines with the
//! head's fields follow, and after an empty one the body.
#![no_main]

#[allow(dead_code)]
#[path = "../../src/program/mod.rs"]
mod program;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;
use tokio::runtime::{self, Runtime};
use tower::ServiceExt;

/// The page asks nothing of the network, and reads runs that lie in the current folder.
static PAGE: LazyLock<(Runtime, Router)> = LazyLock::new(|| {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    (runtime, program::commands::play::router(&Default::default(), None, Default::default()).unwrap())
});

fn request(bytes: &[u8]) -> Option<Request<Body>> {
    let end = bytes.windows(2).position(|two| two == b"\n\n")?;
    let mut lines = bytes[..end].split(|&byte| byte == b'\n');
    let (method, address) = std::str::from_utf8(lines.next()?).ok()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(address);
    for line in lines {
        let colon = line.iter().position(|&byte| byte == b':')?;
        request = request.header(&line[..colon], line[colon + 1..].trim_ascii());
    }
    request.body(Body::from(bytes[end + 2..].to_owned())).ok()
}

fuzz_target!(|bytes: &[u8]| {
    let Some(request) = request(bytes) else { return };
    let (runtime, router) = &*PAGE;
    runtime.block_on(async {
        let reply = router.clone().oneshot(request).await.unwrap();
        assert_ne!(reply.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(reply.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
        let (is_answer, kind) = (reply.status() == StatusCode::OK, reply.headers().get(header::CONTENT_TYPE).cloned());
        let text = to_bytes(reply.into_body(), 1 << 26).await.unwrap();
        if is_answer && kind.is_some_and(|kind| kind == "application/json") && !text.is_empty() {
            serde_json::from_slice::<serde_json::Value>(&text).unwrap();
        }
    });
});
