//! The requests of the tab "Train".

use super::super::access::guard::FromThisMachine;
use super::super::locked;
use super::super::runs::Runs;
use super::super::server::{Reply, reply, seen};
use super::super::sum::{Place, Sum};
use super::shown::Mistakes;
use super::step::{Followed, Number};
use super::update::{Known, Update};
use super::{Again, Trainer};
use crate::program::data::Source;
use crate::program::run::live::Order;
use crate::program::run::options::{Field, Options};
use anyhow::{Result, ensure};
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::Value;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The least time from one look of a page at a training that runs to the next: each takes time from it. On other machines there
/// may be thirty pages.
const PACE: Duration = Duration::from_millis(95);
const PACE_ELSEWHERE: Duration = Duration::from_secs(1);

type Shared = Arc<Mutex<Trainer>>;

pub fn routes(trainer: Shared, runs: Arc<Runs>) -> Router {
    Router::new()
        .route("/api/options", get(options))
        .route("/api/training", post(update))
        .route("/api/training/start", post(start))
        .route("/api/training/resume", post(resume))
        .route("/api/training/order", post(order))
        .route("/api/training/again", get(again))
        .route("/api/training/step", get(step))
        .route("/api/training/sum", post(sum))
        .route("/api/training/mistakes", get(mistakes))
        .layer(Extension(runs))
        .with_state(trainer)
}

async fn options() -> Json<Vec<Field>> {
    Json(Options::fields())
}

async fn update(
    State(trainer): State<Shared>,
    Extension(FromThisMachine(here)): Extension<FromThisMachine>,
    Query(known): Query<Known>,
    body: Bytes,
) -> Reply<Option<Update>> {
    reply(move || locked(&trainer).update(&known, seen(&body)?, if here { PACE } else { PACE_ELSEWHERE })).await
}

/// The arguments of a command line, and its first order.
#[derive(Deserialize)]
struct Start {
    arguments: Vec<String>,
    order: Order,
}

/// Replies with the training's number.
async fn start(
    State(trainer): State<Shared>,
    Extension(from): Extension<FromThisMachine>,
    Json(Start { arguments, order }): Json<Start>,
) -> Reply<u64> {
    reply(move || {
        check_here(from)?;
        let mut trainer = locked(&trainer);
        trainer.start(&arguments)?;
        trainer.order(order)?;
        Ok(trainer.started)
    })
    .await
}

/// The name of a run, where its data are, and its first order.
#[derive(Deserialize)]
struct Resume {
    run: String,
    data: Option<Source>,
    order: Order,
}

async fn resume(
    State(trainer): State<Shared>,
    Extension(from): Extension<FromThisMachine>,
    Extension(runs): Extension<Arc<Runs>>,
    Json(Resume { run, data, order }): Json<Resume>,
) -> Reply<()> {
    reply(move || {
        check_here(from)?;
        let mut trainer = locked(&trainer);
        let dir = trainer.folder(&run).map_or_else(|| runs.folder(&run), Ok)?;
        trainer.resume(&dir, data)?;
        trainer.order(order)
    })
    .await
}

async fn order(
    State(trainer): State<Shared>,
    Extension(from): Extension<FromThisMachine>,
    Json(order): Json<Value>,
) -> Reply<()> {
    reply(move || {
        check_here(from)?;
        locked(&trainer).order(Order::deserialize(order)?)
    })
    .await
}

/// A training writes files and takes this machine's time.
fn check_here(FromThisMachine(here): FromThisMachine) -> Result<()> {
    ensure!(
        here,
        "only the machine that the page comes from can train: watch it here, or start the program on your own machine"
    );
    Ok(())
}

async fn again(State(trainer): State<Shared>) -> Reply<Again> {
    reply(move || locked(&trainer).again()).await
}

async fn step(State(trainer): State<Shared>, Query(number): Query<Number>) -> Reply<Followed> {
    reply(move || locked(&trainer).step(&number)).await
}

#[derive(Deserialize)]
struct When {
    moment: Option<u64>,
}

/// The sum that makes one pixel of a layer's maps.
async fn sum(
    State(trainer): State<Shared>,
    Query(When { moment }): Query<When>,
    Query(place): Query<Place>,
    body: Bytes,
) -> Reply<Sum> {
    reply(move || locked(&trainer).sum(moment, &seen(&body)?, &place)).await
}

async fn mistakes(State(trainer): State<Shared>, Query(When { moment }): Query<When>) -> Reply<Mistakes> {
    reply(move || locked(&trainer).mistakes(moment)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::StatusCode;
    use axum::response::IntoResponse;

    #[test]
    fn from_another_machine_nothing_is_trained() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let elsewhere = || Extension(FromThisMachine(false));
        let arguments = vec!["--data".into(), "digits".into()];
        let start = start(State(Shared::default()), elsewhere(), Json(Start { arguments, order: Order::Until(1) }));
        let order = order(State(Shared::default()), elsewhere(), Json("stop".into()));
        let run = Resume { run: "runs/cnn".into(), data: None, order: Order::Until(1) };
        let runs = Extension(Arc::new(Runs { first: None, best: false }));
        let resume = resume(State(Shared::default()), elsewhere(), runs, Json(run));
        let refused = [runtime.block_on(start).err(), runtime.block_on(order).err(), runtime.block_on(resume).err()];
        for refusal in refused {
            let response = refusal.unwrap().into_response();
            assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
            let body = runtime.block_on(axum::body::to_bytes(response.into_body(), 1000)).unwrap();
            let text = String::from_utf8_lossy(&body).into_owned();
            assert!(text.starts_with("only the machine that the page comes from can train"), "{text}");
        }
    }
}
