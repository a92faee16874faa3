//! Photographs and drawings that are given to the page.

use anyhow::{Context, Result, anyhow, ensure};
use image::ImageReader;
use std::io::{self, Cursor};
use std::sync::LazyLock;
use tokio::runtime::{self, Runtime};
use tokio::sync::Semaphore;

/// The most pixels of a picture: some seconds of work, and the largest that telephones make.
const MOST_PIXELS: u64 = 64_000_000;
/// Pictures of more are read one at a time: each takes some hundred megabytes.
const SMALL: u64 = 1 << 20;
static LARGE: Semaphore = Semaphore::const_new(1);
/// The thread that reads them, always the same: of what a thread has freed, glibc keeps much for this thread alone.
static READER: LazyLock<io::Result<Runtime>> =
    LazyLock::new(|| runtime::Builder::new_current_thread().max_blocking_threads(1).build());

/// Whether it has to wait for its turn. Fails where a picture has more pixels than a page should be given.
pub fn is_large(bytes: &[u8]) -> Result<bool> {
    // Where the size cannot be read, `photo` says why.
    let size = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?.into_dimensions();
    let (width, height) = size.unwrap_or_default();
    let pixels = u64::from(width) * u64::from(height);
    ensure!(
        pixels <= MOST_PIXELS,
        "it has {width}x{height} pixels: expected at most {MOST_PIXELS}; make it smaller, 1000 pixels wide is plenty"
    );
    Ok(pixels > SMALL)
}

/// The digit on a picture as 28x28 pixels, `Ok(Err)` where it has none that can be read.
///
/// Fails where the bytes are no picture.
pub fn digit(bytes: &[u8]) -> Result<Result<Vec<u8>>> {
    Ok(photo::to_mnist(&photo::read(bytes)?).context("no digit found"))
}

/// What `work` makes of a large picture, when it is its turn. Until then no thread waits.
pub async fn in_turn<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let turn = LARGE.acquire().await?;
    let reader = READER.as_ref().map_err(|error| anyhow!("no thread could be started for it: {error}"))?;
    // The turn goes with the work: one who asks and goes away does not make room for the next.
    let work = move || {
        let _turn = turn;
        work()
    };
    reader.spawn_blocking(work).await.map_err(|_| anyhow!("the program failed while it computed this"))?
}
