//! `play`: a page on this machine on which a network is looked into and played with.

mod answer;
mod arguments;
mod connections;
mod guard;
mod kept;
mod picture;
mod player;
mod runs;
mod server;
mod training;

use crate::program::data::Source;
use crate::program::machine::signals;
use crate::program::run::options::path;
use anyhow::{Context, Result};
use axum::Router;
use clap::Args;
use connections::{Patience, serve};
use player::Player;
use std::env;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::task::spawn_blocking;
use training::Trainer;

#[derive(Debug, Args)]
pub struct PlayOptions {
    /// Folder of the run to begin with [default: the newest in runs/]; the page offers those in runs/ too
    #[arg(long, value_name = "DIR", value_parser = path())]
    run: Option<PathBuf>,

    /// Where digits come from [default: the data of the run, if they have a name]
    #[arg(long, value_name = "PATH|NAME")]
    data: Option<Source>,

    /// Port of the page on 127.0.0.1; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 7828)]
    port: u16,

    /// Only print the address
    #[arg(long)]
    no_browser: bool,
}

/// How long a thread is kept for the next answer.
const KEPT: Duration = Duration::from_secs(600);

/// Serves the page until Ctrl-C, its address on standard output.
pub fn play(options: &PlayOptions) -> Result<()> {
    options.data.iter().try_for_each(Source::fetch)?;
    let trainer = Arc::new(Mutex::new(Trainer::new(env::current_exe()?)));
    let router = server::router(Player::new(options.run.clone(), options.data.clone())?, trainer.clone());
    // One thread for each answer: a training beside them has need of the others.
    tch::set_num_threads(1);
    // This thread takes requests and hands on the work: it is never busy.
    let runtime = runtime::Builder::new_current_thread().enable_all().thread_keep_alive(KEPT).build()?;
    let played = runtime.block_on(async {
        let played = show(options, router).await;
        end(&trainer).await.and(played)
    });
    // No answer is waited for, see `main`: nothing is torn down at work.
    runtime.shutdown_background();
    played
}

/// What answers the page's requests, for tests: nothing can be trained. It begins with the run in the folder `first`.
#[allow(dead_code)] // the fuzz targets have it
pub fn router(first: Option<PathBuf>, data: Option<Source>) -> Result<Router> {
    Ok(server::router(Player::new(first, data)?, Arc::default()))
}

/// Waits until a training that is under way has kept its checkpoint, or for a second signal.
async fn end(trainer: &Mutex<Trainer>) -> Result<()> {
    let asked_again = signals::first()?;
    let waits = trainer.lock().unwrap_or_else(PoisonError::into_inner).end();
    if let Some(waits) = waits {
        tokio::select! {
            _ = spawn_blocking(waits) => (),
            () = asked_again => (),
        }
    }
    Ok(())
}

async fn show(options: &PlayOptions, router: Router) -> Result<()> {
    let asked_to_end = signals::first()?;
    let port = options.port;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("port {port} cannot be had on 127.0.0.1: give another --port, or 0 for a free one"))?;
    let address = format!("http://{}/", listener.local_addr()?);

    let _ = writeln!(std::io::stdout(), "{address}");
    say!("the page is at this address, for this machine only; Ctrl-C ends it");
    // Where there is no browser this fails at once, and the address is enough.
    if !options.no_browser {
        let _ = open::that_detached(&address);
    }
    tokio::select! {
        never = serve(listener, router, Patience::default()) => match never {},
        () = asked_to_end => Ok(()),
    }
}
