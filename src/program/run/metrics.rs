//! `metrics.csv`: a run's numbers as they grow.

use crate::program::files::{self, put};
use anyhow::{Context, Result};
use cnn_tutorial::repr::python_repr;
use serde::Deserialize;
use std::fs::{self, File};
use std::io;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};

pub const METRICS: &str = "metrics.csv";
/// What could not be read of it when the run was resumed.
pub const UNREAD: &str = "metrics-unread.csv";
/// In bytes: some million rows.
const LARGEST: u64 = 1 << 28;
const HEAD: [&str; 3] = ["iteration", "loss", "accuracy"];

/// One evaluation: the loss of that iteration's batch and the validation accuracy in percent.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
pub struct Row {
    pub iteration: u64,
    pub loss: f64,
    pub accuracy: f64,
}

impl Row {
    /// Whether its numbers can be what a training logs, which are 32-bit: no others can be drawn without trouble.
    fn is_of_a_run(&self) -> bool {
        [self.loss, self.accuracy].iter().all(|&number| number.is_infinite() || f64::from(number as f32) == number)
    }
}

/// The open file of a run, and what stands in it.
pub struct Metrics {
    path: PathBuf,
    writer: csv::Writer<File>,
    pub rows: Vec<Row>,
}

impl Metrics {
    /// A new file with its head.
    pub fn create(dir: &Path) -> Result<Self> {
        Self::begin(dir, Vec::new())
    }

    /// Whether the file in `dir` has its head and nothing else.
    pub fn is_bare(dir: &Path) -> bool {
        let path = dir.join(METRICS);
        files::open(&path, 100).is_ok() && fs::read_to_string(path).is_ok_and(|text| text == HEAD.join(",") + "\n")
    }

    /// Opens the file to go on after `iteration`; what was logged later is cut off. Where rows cannot be read, as when a
    /// spreadsheet has saved the file in its own way, it is kept in `metrics-unread.csv`, behind what is there already.
    pub fn resume(dir: &Path, iteration: u64, eval_every: NonZeroU64) -> Result<Self> {
        let (rows, is_whole) = read_rows(dir, iteration)?;
        let (path, found, expected) = (dir.join(METRICS), rows.len() as u64, iteration / eval_every);
        if found < expected {
            let mut words = format!("{}: expected {expected} rows, {found} can be read", path.display());
            if !is_whole {
                let unread = File::options().create(true).append(true).open(dir.join(UNREAD));
                let kept = unread.and_then(|mut unread| io::copy(&mut File::open(path)?, &mut unread));
                kept.with_context(|| format!("{} cannot be written", dir.join(UNREAD).display()))?;
                words += &format!("; as it was it is in {UNREAD}");
            }
            say!("warning: {words}");
        }
        Self::begin(dir, rows)
    }

    /// A file of its own, with these rows, whatever stood there.
    fn begin(dir: &Path, rows: Vec<Row>) -> Result<Self> {
        put(dir, METRICS, |path| {
            let mut writer = csv::Writer::from_path(path)?;
            writer.write_record(HEAD)?;
            writer.flush()?;
            rows.iter().try_for_each(|row| write(&mut writer, row))
        })?;
        let path = dir.join(METRICS);
        let file = File::options().append(true).open(&path);
        let file = file.with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(Self { path, writer: csv::Writer::from_writer(file), rows })
    }

    /// Appends a row, numbers as Python writes them.
    pub fn log(&mut self, row: Row) -> Result<()> {
        write(&mut self.writer, &row).with_context(|| format!("{} cannot be written", self.path.display()))?;
        self.rows.push(row);
        Ok(())
    }
}

/// What the run in `dir` logged up to `iteration`. Numbers that no training logs are left out.
pub fn read(dir: &Path, iteration: u64) -> Result<Vec<Row>> {
    Ok(read_rows(dir, iteration)?.0)
}

/// The same, and whether no row up to there is left out.
fn read_rows(dir: &Path, iteration: u64) -> Result<(Vec<Row>, bool)> {
    let path = dir.join(METRICS);
    let file = files::open(&path, LARGEST);
    let file = file.context("put back what this run has logged, or start a new training")?;
    let (mut rows, mut is_whole): (Vec<Row>, _) = (Vec::new(), true);
    for row in csv::Reader::from_reader(file).into_deserialize::<Row>() {
        let follows = |row: &Row| rows.last().is_none_or(|last| last.iteration < row.iteration);
        match row {
            Ok(row) if row.iteration > iteration => {}
            Ok(row) if row.is_of_a_run() && follows(&row) => rows.push(row),
            _ => is_whole = false,
        }
    }
    Ok((rows, is_whole))
}

fn write(writer: &mut csv::Writer<File>, row: &Row) -> Result<()> {
    let Row { iteration, loss, accuracy } = *row;
    writer.write_record([iteration.to_string(), python_repr(loss), python_repr(accuracy)])?;
    Ok(writer.flush()?)
}
