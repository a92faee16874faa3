//! `play`: a page on this machine on which a network is looked into and played with.

mod answer;
mod arguments;
mod player;
mod runs;
mod server;

use crate::program::data::Source;
use crate::program::machine::signals;
use crate::program::run::options::path;
use anyhow::{Context, Result, bail};
use clap::Args;
use player::Player;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

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

/// Serves the page until Ctrl-C, its address on standard output.
pub fn play(options: &PlayOptions) -> Result<()> {
    let player = Arc::new(Mutex::new(Player::new(options.run.clone(), options.data.clone())?));
    let stop = signals::watch()?;
    let port = options.port;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .with_context(|| format!("port {port} cannot be had on 127.0.0.1: give another --port, or 0 for a free one"))?;
    let address = format!("http://{}/", listener.local_addr()?);
    let port = listener.local_addr()?.port();
    let server = thread::spawn(move || server::serve(listener, port, player));

    let _ = writeln!(std::io::stdout(), "{address}");
    say!("the page is at this address, for this machine only; Ctrl-C ends it");
    // Where there is no browser this fails at once, and the address is enough.
    if !options.no_browser {
        let _ = open::that_detached(&address);
    }
    while stop.load(Ordering::Relaxed) == 0 {
        if server.is_finished() {
            return server.join().unwrap_or_else(|_| bail!("the page's server broke off"));
        }
        thread::sleep(Duration::from_millis(50));
    }
    // No answer is waited for: it may need a download, which takes minutes. Nothing is torn down at work either, see `main`.
    Ok(())
}
