//! `play`: a page on this machine on which a network is looked into and played with, by others on its network too if asked.

mod access;
mod answer;
mod arguments;
mod kept;
mod page;
mod picture;
mod player;
mod runs;
mod server;
mod sum;
mod training;

use crate::program::data::Source;
use crate::program::machine::signals;
use crate::program::messages::NO_THREAD;
use crate::program::run::options::path;
use access::address;
use access::connections::{FOR_A_CLASS, FOR_ONE, Patience, serve};
use access::token::Token;
use anyhow::{Context, Result};
use axum::Router;
use clap::Args;
use player::Player;
use runs::Runs;
use std::env;
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::runtime;
use tokio::task::spawn_blocking;
use training::Trainer;

#[derive(Debug, Default, Args)]
pub struct PlayOptions {
    /// Folder of the run to begin with [default: the newest finished one in runs/]; the page offers those in runs/ too
    #[arg(long, value_name = "DIR", value_parser = path())]
    run: Option<PathBuf>,

    /// Begin with the weights with the least validation loss, instead of the last ones
    #[arg(long)]
    best: bool,

    /// Where digits come from [default: the data of the run, if they have a name]
    #[arg(long, value_name = "PATH|NAME")]
    data: Option<Source>,

    /// Let others on your network use the page, at this address of your machine, such as 192.168.1.20, or at all its addresses,
    /// 0.0.0.0. Whoever has the printed link can use the page, and nothing is encrypted [default: only this machine can]
    #[arg(long, value_name = "ADDRESS", value_parser = address::host)]
    host: Option<IpAddr>,

    /// Port of the page; 0 takes a free one
    #[arg(long, value_name = "N", default_value_t = 7828)]
    port: u16,

    /// Print the address, and do not open a browser
    #[arg(long)]
    no_browser: bool,
}

/// How long a thread is kept for the next answer.
const KEPT: Duration = Duration::from_secs(600);

/// Serves the page until Ctrl-C, its address on standard output.
pub fn play(options: &PlayOptions) -> Result<()> {
    options.data.iter().try_for_each(Source::fetch)?;
    let token = options.host.map(|_| Token::random()).transpose()?;
    let link = token.as_ref().map(|token| format!("?{token}")).unwrap_or_default();
    let trainer = Arc::new(Mutex::new(Trainer::new(env::current_exe()?)));
    let router = router(options, token, trainer.clone())?;
    // Where there is no thread for an answer, tokio would panic.
    thread::Builder::new().spawn(|| ()).context(NO_THREAD)?;
    // One thread for each answer: a training beside them has need of the others.
    tch::set_num_threads(1);
    // This thread takes requests and hands on the work: it is never busy.
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(server::MOST_AT_WORK)
        .thread_keep_alive(KEPT)
        .build()?;
    let played = runtime.block_on(async {
        let played = show(options, router, &link).await;
        end(&trainer).await.and(played)
    });
    // No answer is waited for, see `main`: nothing is torn down at work.
    runtime.shutdown_background();
    played
}

/// Also after a panic: what the page shares is whole at every moment.
fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What answers the page's requests; where there is a token, of those who have it. Errors where the run to begin with is none,
/// or one that knows no digits.
pub fn router(options: &PlayOptions, token: Option<Token>, trainer: Arc<Mutex<Trainer>>) -> Result<Router> {
    let runs = Arc::new(Runs { first: options.run.clone(), best: options.best });
    runs.check()?;
    let player = Player::new(runs.clone(), options.data.clone());
    Ok(server::router(player, training::routes(trainer, runs), token))
}

/// Waits until a training that is under way has kept its checkpoint, or for a second signal.
async fn end(trainer: &Mutex<Trainer>) -> Result<()> {
    let asked_again = signals::first()?;
    let waits = locked(trainer).end();
    if let Some(waits) = waits {
        tokio::select! {
            _ = spawn_blocking(waits) => (),
            () = asked_again => (),
        }
    }
    Ok(())
}

async fn show(options: &PlayOptions, router: Router, link: &str) -> Result<()> {
    let asked_to_end = signals::first()?;
    let listener = address::listen(options.host.unwrap_or(Ipv4Addr::LOCALHOST.into()), options.port).await?;
    let address = format!("http://{}/{link}", address::to_visit(listener.local_addr()?)?);

    let _ = writeln!(std::io::stdout(), "{address}");
    let most = if options.host.is_some() {
        say!(
            "the page is at this address; anyone on this network who has the link can use it, and nothing is encrypted; \
             Ctrl-C ends it"
        );
        FOR_A_CLASS
    } else {
        say!("the page is at this address, for this machine only; Ctrl-C ends it");
        FOR_ONE
    };
    // Where there is no browser this fails at once, and the address is enough.
    if !options.no_browser {
        let _ = open::that_detached(&address);
    }
    tokio::select! {
        never = serve(listener, router, Patience::default(), most) => match never {},
        () = asked_to_end => Ok(()),
    }
}
