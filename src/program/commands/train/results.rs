//! The end of a training: its charts, and what it came to.

use crate::program::files;
use crate::program::messages::word;
use crate::program::run::folder::{ACCURACY_CHART, LOSS_CHART};
use crate::program::run::metrics::Row;
use crate::program::run::options::Options;
use anyhow::{Result, anyhow};
use cnn_tutorial::plots::{self, BLUE, RED};
use std::path::Path;
use std::thread;

/// Draws `loss.png` and `accuracy.png`.
pub fn plot(dir: &Path, options: &Options, history: &[Row]) -> Result<()> {
    if history.is_empty() {
        say!("no charts: the training ended before its first evaluation, --eval-every {}", options.eval_every);
        return Ok(());
    }
    let chart = |name, quantity, y_label, color, value: fn(&Row) -> f64| {
        let title = format!("{}: {quantity} vs Number of iteration", options.model.title);
        let iterations: Vec<_> = history.iter().map(|row| row.iteration as f64).collect();
        let values: Vec<_> = history.iter().map(value).collect();
        files::put(dir, name, |path| plots::line_chart(path, &title, y_label, color, &iterations, &values))
    };
    let loss = || chart(LOSS_CHART, "Loss", "Loss", BLUE, |row| row.loss);
    thread::scope(|scope| {
        let beside = thread::Builder::new().spawn_scoped(scope, loss);
        chart(ACCURACY_CHART, "Accuracy", "Accuracy (%)", RED, |row| row.accuracy)?;
        match beside {
            Ok(drawn) => drawn.join().map_err(|_| anyhow!("{LOSS_CHART} could not be drawn"))?,
            Err(_) => loss(), // the system gives no more threads
        }
    })
}

/// Says what the training came to, and what one can do with it; `data` is the `--data` that these commands need.
pub fn tell(dir: &Path, data: &str, history: &[Row]) {
    if let Some(last) = history.last() {
        let best = history.iter().fold(last, |best, row| if row.accuracy > best.accuracy { row } else { best });
        let (last_accuracy, best_accuracy, iteration) = (last.accuracy, best.accuracy, best.iteration);
        say!("accuracy: {last_accuracy:.2} % at the end, at best {best_accuracy:.2} % after iteration {iteration}");
    }
    say!("results: {}\nnext: cargo run --release -- evaluate --run {}{data}", dir.display(), word(dir));
    say!("      cargo run --release -- explain --run {}{data}", word(dir));
}
