//! The requests of the tab "Train".

use super::super::server::{Reply, reply, seen};
use super::step::{Followed, Number};
use super::update::{Known, Mistakes, Update};
use super::{Again, Trainer};
use crate::program::run::live::Order;
use crate::program::run::options::{Field, Options};
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::Deserialize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Shared = Arc<Mutex<Trainer>>;

pub fn routes(trainer: Shared) -> Router {
    Router::new()
        .route("/api/options", get(options))
        .route("/api/training", post(update))
        .route("/api/training/start", post(start))
        .route("/api/training/order", post(order))
        .route("/api/training/again", get(again))
        .route("/api/training/step", get(step))
        .route("/api/training/mistakes", get(mistakes))
        .with_state(trainer)
}

fn locked(trainer: &Shared) -> MutexGuard<'_, Trainer> {
    trainer.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn options() -> Json<Vec<Field>> {
    Json(Options::fields())
}

async fn update(State(trainer): State<Shared>, Query(known): Query<Known>, body: Bytes) -> Reply<Option<Update>> {
    reply(move || locked(&trainer).update(&known, seen(&body)?)).await
}

/// The arguments of a command line, and how many iterations it is to do at first.
#[derive(Deserialize)]
struct Start {
    arguments: Vec<String>,
    until: u64,
}

async fn start(State(trainer): State<Shared>, Json(Start { arguments, until }): Json<Start>) -> Reply<()> {
    reply(move || {
        let mut trainer = locked(&trainer);
        trainer.start(&arguments)?;
        trainer.order(Order::Until(until))
    })
    .await
}

async fn order(State(trainer): State<Shared>, Json(order): Json<Order>) -> Reply<()> {
    reply(move || locked(&trainer).order(order)).await
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

async fn mistakes(State(trainer): State<Shared>, Query(When { moment }): Query<When>) -> Reply<Mistakes> {
    reply(move || locked(&trainer).mistakes(moment)).await
}
