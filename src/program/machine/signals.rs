//! Ctrl-C, SIGTERM and a terminal that is closed: the first one asks, the second one ends the program at once.

use anyhow::Result;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize};
#[cfg(unix)]
use std::{mem, ptr};

/// Holds 0, and from the first signal on its number.
pub fn watch() -> Result<Arc<AtomicUsize>> {
    let (received, second_ends) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let hangup = signal_of_a_closed_terminal();
    for signal in [SIGINT, SIGTERM].into_iter().chain(hangup) {
        // In this order: a signal sees the flag that an earlier one has set.
        flag::register_conditional_shutdown(signal, 128 + signal, second_ends.clone())?;
        flag::register(signal, second_ends.clone())?;
        flag::register_usize(signal, received.clone(), signal as usize)?;
    }
    Ok(received)
}

/// Where a file may not grow any more, as with `ulimit -f`, writing fails, as on a full disk, and the program is not killed. Python
/// does the same.
pub fn ignore_largest_file() {
    // Safety: sets what the system does with one signal.
    #[cfg(unix)]
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

/// Nothing where it is ignored, as under `nohup`.
#[cfg(unix)]
fn signal_of_a_closed_terminal() -> Option<i32> {
    // Safety: asks for what is set, and sets nothing. Zeros are a value of it.
    let is_ignored = unsafe {
        let mut now: libc::sigaction = mem::zeroed();
        libc::sigaction(libc::SIGHUP, ptr::null(), &raw mut now) == 0 && now.sa_sigaction == libc::SIG_IGN
    };
    (!is_ignored).then_some(libc::SIGHUP)
}

#[cfg(not(unix))]
fn signal_of_a_closed_terminal() -> Option<i32> {
    None
}

/// Comes to its end with the first signal. Has to be called, and waited for, in tokio's runtime.
#[cfg(unix)]
pub fn first() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
        }
    })
}

#[cfg(not(unix))]
pub fn first() -> Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
