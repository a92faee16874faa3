//! The page and its answers over HTTP.

use super::answer::{Answer, Sum};
use super::arguments::{Arguments, Outcome};
use super::player::{Example, Kernels, Player};
use super::runs::{Choice, RunEntry};
use crate::program::messages::in_words;
use anyhow::{Result, ensure};
use axum::body::{Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, Query, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use std::future::poll_fn;
use std::net::TcpListener;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

const HTML: &str = include_str!("../../../../assets/play/index.html");
const CSS: &str = include_str!("../../../../assets/play/style.css");
const JAVASCRIPT: &str = include_str!("../../../../assets/play/script.js");

/// Bytes that a request may bring; only a photograph has many.
const LARGEST_BODY: usize = 20 << 20;

type Shared = Arc<Mutex<Player>>;
type Reply<T> = Result<Json<T>, Refusal>;

/// Answers on one thread for as long as the program runs.
pub fn serve(listener: TcpListener, port: u16, player: Shared) -> Result<()> {
    let file = |kind: &'static str, text: &'static str| get(async move || ([(header::CONTENT_TYPE, kind)], text));
    let hosts = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}"));
    let router = Router::new()
        .route("/", file("text/html; charset=utf-8", HTML))
        .route("/style.css", file("text/css; charset=utf-8", CSS))
        .route("/script.js", file("text/javascript; charset=utf-8", JAVASCRIPT))
        .route("/api/runs", get(runs))
        .route("/api/digit", get(digit))
        .route("/api/kernels", get(kernels))
        .route("/api/pixels", post(pixels))
        .route("/api/sum", post(sum))
        .route("/api/arguments", post(arguments))
        .route("/api/picture", post(picture))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn(move |request: Request, next: Next| guard(hosts.clone(), request, next)))
        .with_state(player);
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async { Ok(axum::serve(tokio::net::TcpListener::from_std(listener)?, router).await?) })
}

/// Answers only what was sent to this page by name: another site's page could have its own name point to 127.0.0.1.
async fn guard(hosts: [String; 3], request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(|host| hosts.iter().any(|known| known == host)) {
        return (StatusCode::FORBIDDEN, format!("this page answers at http://{} only", hosts[0])).into_response();
    }
    let length = request.body().size_hint().lower();
    if length > LARGEST_BODY as u64 {
        // Read to its end: a browser that is still sending does not hear an answer.
        let mut body = request.into_body();
        while let Some(Ok(_)) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {}
        let text = format!("{length} bytes are too many: expected at most {LARGEST_BODY}");
        return (StatusCode::PAYLOAD_TOO_LARGE, text).into_response();
    }
    let mut response = next.run(request).await;
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A request that cannot be answered, and why.
struct Refusal(anyhow::Error);

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (StatusCode::UNPROCESSABLE_ENTITY, in_words(&self.0)).into_response()
    }
}

/// Also after a panic: what the player keeps is whole at every moment.
fn locked(player: &Shared) -> MutexGuard<'_, Player> {
    player.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn runs(State(player): State<Shared>) -> Json<Vec<RunEntry>> {
    Json(locked(&player).runs())
}

#[derive(Deserialize)]
struct Which {
    /// Which of the images, or of the mistakes, counted from 0; past the end it begins anew.
    index: u64,
    mistake: bool,
    /// Only images of this digit.
    label: Option<i64>,
}

async fn digit(
    State(player): State<Shared>,
    Query(choice): Query<Choice>,
    Query(which): Query<Which>,
) -> Reply<Example> {
    Ok(Json(locked(&player).digit(&choice, which.index, which.mistake, which.label)?))
}

async fn kernels(State(player): State<Shared>, Query(choice): Query<Choice>) -> Reply<Kernels> {
    Ok(Json(locked(&player).kernels(&choice)?))
}

/// What the network makes of a drawing or photograph, the bytes of its file; nothing where it is not read as one digit.
async fn picture(State(player): State<Shared>, Query(choice): Query<Choice>, body: Bytes) -> Reply<Option<Answer>> {
    let picture = photo::read(&body)?;
    let seen = photo::to_mnist(&picture).ok();
    Ok(Json(seen.map(|seen| locked(&player).answer(&choice, seen)).transpose()?))
}

/// What the network makes of 784 bytes that are in MNIST's convention already.
async fn pixels(State(player): State<Shared>, Query(choice): Query<Choice>, body: Bytes) -> Reply<Answer> {
    Ok(Json(locked(&player).answer(&choice, seen(&body)?)?))
}

#[derive(Deserialize)]
struct Place {
    layer: usize,
    channel: i64,
    row: i64,
    column: i64,
}

/// The sum that makes one pixel of a layer's maps.
async fn sum(
    State(player): State<Shared>,
    Query(choice): Query<Choice>,
    Query(Place { layer, channel, row, column }): Query<Place>,
    body: Bytes,
) -> Reply<Sum> {
    Ok(Json(locked(&player).sum(&choice, seen(&body)?, layer, [channel, row, column])?))
}

async fn arguments(State(player): State<Shared>, Json(arguments): Json<Arguments>) -> Reply<Outcome> {
    let _one_at_a_time = locked(&player);
    Ok(Json(arguments.outcome()?))
}

fn seen(body: &Bytes) -> Result<Vec<u8>> {
    ensure!(body.len() == 784, "expected 784 bytes, the pixels of 28x28, found {}", body.len());
    Ok(body.to_vec())
}
