//! Reads CSVs with one image a row: Kaggle's Digit Recognizer, `label,pixel0,...,pixel783`, and the other layouts of MNIST.

use super::classes::usual_classes;
use super::columns::{Columns, layouts};
use super::foreign::refuse_foreign;
use super::rows::Parsed;
use super::{Dataset, LARGEST, SIDE, decompress, open};
use anyhow::{Context, Result, anyhow, ensure};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::thread::{self, ScopedJoinHandle};
use tch::Tensor;

/// Reads a CSV, plain or gzipped: `pandas.read_csv`.
///
/// The columns may be in any order, separated by commas, semicolons, tabs or blanks, with pandas' index before them. Their names are
/// `label` or `class`, and `pixel0` to `pixel783`, `pixel1` to `pixel784`, or `1x1` to `28x28`, row by column. Without names
/// the label is first. Quotes, blanks, whole numbers written as `255.0` or `2.55e+02`, UTF-16, a byte order mark, any line
/// ends and blank lines are no matter. Errors name the file, the line and the column.
pub fn read_csv(path: impl AsRef<Path>) -> Result<Dataset> {
    let path = path.as_ref();
    labelled(open(path)?, &path.display().to_string())
}

/// Reads a CSV that is in memory, plain or gzipped; `name` stands for it in errors.
pub fn parse_csv(bytes: &[u8], name: &str) -> Result<Dataset> {
    labelled(decompress(BufReader::new(bytes))?, name)
}

/// Reads Kaggle's `test.csv`, or another layout without labels: images `[N, 1, 28, 28]`, one byte a pixel, and what a person
/// should know of how they were read, as in [`Dataset::remark`].
pub fn read_unlabelled_csv(path: &Path) -> Result<(Tensor, Option<String>)> {
    let Images { pixels, remark, .. } = read_rows(open(path)?, &path.display().to_string(), false)?;
    Ok((Tensor::f_from_slice(&pixels)?.f_view([-1, 1, SIDE as i64, SIDE as i64])?, remark))
}

/// The CSV that a folder holds: `train.csv` as Kaggle calls it, or `mnist_train.csv`, plain or gzipped.
pub fn find_csv(dir: impl AsRef<Path>) -> Option<PathBuf> {
    let names = ["train.csv", "train.csv.gz", "mnist_train.csv", "mnist_train.csv.gz"];
    names.map(|name| dir.as_ref().join(name)).into_iter().find(|path| path.is_file())
}

fn labelled(bytes: impl Read, name: &str) -> Result<Dataset> {
    let Images { pixels, labels, remark } = read_rows(bytes, name, true)?;
    Ok(Dataset { remark, ..Dataset::new(&pixels, [1, SIDE, SIDE], &labels, usual_classes(&labels))? })
}

/// The pixels and labels of all rows.
struct Images {
    pixels: Vec<u8>,
    labels: Vec<u8>,
    remark: Option<String>,
}

fn read_rows(bytes: impl Read, name: &str, labelled: bool) -> Result<Images> {
    let mut text = Vec::new();
    bytes.take(LARGEST).read_to_end(&mut text).with_context(|| format!("{name} cannot be read"))?;
    refuse_foreign(&text, name)?;
    ensure!((text.len() as u64) < LARGEST, "{name} holds {LARGEST} bytes of text or more: give a part of it");
    // The mark that spreadsheets write before UTF-8, and UTF-16, as Excel's "Unicode text" has it.
    match &text[..] {
        [0xef, 0xbb, 0xbf, ..] => drop(text.drain(..3)),
        [0xff, 0xfe, units @ ..] => text = utf16(units, u16::from_le_bytes),
        [0xfe, 0xff, units @ ..] => text = utf16(units, u16::from_be_bytes),
        _ => {}
    }
    let begin = text.iter().position(|b| !b"\r\n".contains(b));
    let begin = begin.with_context(|| format!("{name} is empty: expected {}", layouts(labelled)))?;
    let end = text[begin..].iter().position(|b| b"\r\n".contains(b)).map_or(text.len(), |length| begin + length);
    if text[end..].starts_with(b"\r") && !text[end..].starts_with(b"\r\n") {
        // Old spreadsheets for the Mac end each line in a carriage return alone.
        text.iter_mut().filter(|b| **b == b'\r').for_each(|b| *b = b'\n');
    }
    let blank_lines = text[..begin].iter().filter(|&&b| b == b'\n').count();
    let columns = Columns::parse(&text[begin..end], blank_lines + 1, name, labelled)?;
    let rows = if columns.headerless { &text[begin..] } else { &text[end..] };
    let (mut pixels, mut labels, mut lines) = (Vec::new(), Vec::new(), blank_lines);
    for part in parse_on_all_cores(rows, &columns)? {
        let rows = part.map_err(|(line, message)| anyhow!("{name}, line {}{message}", lines + line))?;
        lines += rows.lines;
        pixels.extend(rows.pixels);
        labels.extend(rows.labels);
    }
    ensure!(!pixels.is_empty(), "{name} holds no images, only a header: give a file with images");
    Ok(Images { pixels, labels, remark: columns.assumption(name) })
}

/// UTF-16 as UTF-8. What is neither becomes a sign that no number has.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let units = bytes.chunks(2).map(|pair| unit(pair.try_into().unwrap_or_default()));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    text.into_bytes()
}

/// The rows of `text`, in parts.
fn parse_on_all_cores(text: &[u8], columns: &Columns) -> Result<Vec<Parsed>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut starts: Vec<usize> = (0..=cores).map(|i| line_end(text, text.len() * i / cores)).collect();
    starts[cores] = text.len();
    thread::scope(|scope| {
        let start = |part: &[usize]| {
            let part = &text[part[0]..part[1]];
            (part, thread::Builder::new().spawn_scoped(scope, move || columns.parse_rows(part)))
        };
        let parts: Vec<_> = starts.windows(2).map(start).collect();
        let rows = |(part, thread): (&[u8], io::Result<ScopedJoinHandle<Parsed>>)| match thread {
            Ok(thread) => thread.join().map_err(|_| anyhow!("a thread ended early")),
            Err(_) => Ok(columns.parse_rows(part)), // the system gives no more threads
        };
        parts.into_iter().map(rows).collect()
    })
}

/// Where the last line that ends before `place` ends.
fn line_end(text: &[u8], place: usize) -> usize {
    text[..place].iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1)
}

#[cfg(test)]
mod tests {
    use super::read_rows;
    use std::io::repeat;

    #[test]
    fn a_text_without_end_is_refused_before_it_fills_the_memory() {
        let error = read_rows(repeat(b'1'), "train.csv", true).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("train.csv holds 33554432 bytes of text or more"), "{error}");
    }
}
