//! The page and its answers.

use super::access::guard::{Guard, guard};
use super::access::token::Token;
use super::answer::{Answer, Num};
use super::arguments::{Arguments, Outcome};
use super::player::{Convolution, Example, Kernel, Player};
use super::runs::{Choice, RunEntry};
use super::sum::{Place, Sum};
use super::training::Again;
use super::{locked, page, picture};
use crate::program::messages::in_words;
use crate::program::run::network::generator;
use anyhow::{Result, ensure};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Threads that work on answers at once. What has to wait for long, such as for its turn, waits before it takes one.
pub const MOST_AT_WORK: usize = 16;
static AT_WORK: Semaphore = Semaphore::const_new(MOST_AT_WORK);

type Shared = Arc<Mutex<Player>>;
pub type Reply<T> = Result<Json<T>, Refusal>;

/// The page and its answers; `training` has those of the tab "Train".
pub fn router(player: Player, training: Router, token: Option<Token>) -> Router {
    page::routes()
        .route("/api/runs", get(runs))
        .route("/api/run", get(run))
        .route("/api/digit", get(digit))
        .route("/api/convolutions", get(convolutions))
        .route("/api/kernel", get(kernel))
        .route("/api/maps", post(maps))
        .route("/api/pixels", post(pixels))
        .route("/api/sum", post(sum))
        .route("/api/arguments", post(arguments))
        .route("/api/picture", post(picture))
        .with_state(Arc::new(Mutex::new(player)))
        .merge(training)
        .layer(DefaultBodyLimit::disable()) // the guard has read the body
        .layer(middleware::from_fn_with_state(Arc::new(Guard::new(token)), guard))
}

/// A request that cannot be answered, and why.
pub struct Refusal(StatusCode, String);

impl From<anyhow::Error> for Refusal {
    fn from(error: anyhow::Error) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, in_words(&error))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, self.1).into_response()
    }
}

/// What `work` makes, on a thread of its own: meanwhile others are answered.
pub async fn reply<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Reply<T> {
    let failed = |_| Refusal(StatusCode::INTERNAL_SERVER_ERROR, "the program failed while it computed this".into());
    // The place goes with the work: one who asks and goes away does not make room for the next.
    let place = AT_WORK.acquire().await.ok();
    let work = move || {
        let _place = place;
        work()
    };
    Ok(Json(spawn_blocking(work).await.map_err(failed)??))
}

async fn runs(State(player): State<Shared>) -> Reply<Vec<RunEntry>> {
    reply(move || Ok(locked(&player).runs())).await
}

#[derive(Deserialize)]
struct Name {
    run: String,
}

/// What a run has logged, and how to have it again.
async fn run(State(player): State<Shared>, Query(Name { run }): Query<Name>) -> Reply<Again> {
    reply(move || locked(&player).again(&run)).await
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
    reply(move || locked(&player).digit(&choice, which.index, which.mistake, which.label)).await
}

async fn convolutions(State(player): State<Shared>, Query(choice): Query<Choice>) -> Reply<Vec<Convolution>> {
    reply(move || locked(&player).convolutions(&choice)).await
}

#[derive(Deserialize)]
struct KernelOf {
    layer: usize,
    channel: i64,
}

/// The numbers that make one map of a convolution's output.
async fn kernel(
    State(player): State<Shared>,
    Query(choice): Query<Choice>,
    Query(KernelOf { layer, channel }): Query<KernelOf>,
) -> Reply<Kernel> {
    reply(move || locked(&player).kernel(&choice, layer, channel)).await
}

#[derive(Deserialize)]
struct MapsOf {
    layer: usize,
    first: i64,
    count: i64,
}

/// Numbers of some of a layer's maps, for an input of 784 bytes.
async fn maps(
    State(player): State<Shared>,
    Query(choice): Query<Choice>,
    Query(MapsOf { layer, first, count }): Query<MapsOf>,
    body: Bytes,
) -> Reply<Vec<Vec<Vec<Num>>>> {
    reply(move || locked(&player).maps(&choice, &seen(&body)?, layer, [first, count])).await
}

/// What the network makes of a picture, or why no digit can be read on it.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Read {
    Refused(String),
    #[serde(untagged)]
    Answer(Answer),
}

/// `body` is the file of a drawing or photograph. Without a digit it is answered all the same: each drawing begins so.
async fn picture(State(player): State<Shared>, Query(choice): Query<Choice>, body: Bytes) -> Reply<Read> {
    let file = body.clone();
    let Json(is_large) = reply(move || picture::is_large(&file)).await?;
    let read = move || picture::digit(&body);
    let digit = if is_large { picture::in_turn(read).await? } else { reply(read).await?.0 };
    match digit {
        Ok(seen) => reply(move || Ok(Read::Answer(locked(&player).answer(&choice, seen)?))).await,
        Err(error) => Ok(Json(Read::Refused(in_words(&error)))),
    }
}

/// What the network makes of 784 bytes that are in MNIST's convention already.
async fn pixels(State(player): State<Shared>, Query(choice): Query<Choice>, body: Bytes) -> Reply<Answer> {
    reply(move || locked(&player).answer(&choice, seen(&body)?)).await
}

/// The sum that makes one pixel of a layer's maps.
async fn sum(
    State(player): State<Shared>,
    Query(choice): Query<Choice>,
    Query(place): Query<Place>,
    body: Bytes,
) -> Reply<Sum> {
    reply(move || locked(&player).sum(&choice, &seen(&body)?, &place)).await
}

async fn arguments(Json(arguments): Json<Arguments>) -> Reply<Outcome> {
    reply(move || {
        let _alone = generator(); // a new layer draws its weights
        arguments.outcome()
    })
    .await
}

pub fn seen(body: &Bytes) -> Result<Vec<u8>> {
    ensure!(body.len() == 784, "expected 784 bytes, the pixels of 28x28, found {}", body.len());
    Ok(body.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_panics_is_answered_too() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let refusal = runtime.block_on(reply::<()>(|| panic!("this is the test"))).err().unwrap();
        assert_eq!(refusal.into_response().status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
