//! Reads the layout of Kaggle's Digit Recognizer: `label,pixel0,...,pixel783`, one image a row.

use super::{Dataset, PIXELS, SIDE, decompress, open};
use anyhow::{Context, Result, anyhow, bail, ensure};
use csv::ByteRecord;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::thread;
use tch::Tensor;

/// Reads a CSV, plain or gzipped. The columns may be in any order, separated by commas, semicolons or tabs; quotes, a
/// byte order mark, CRLF and blank lines are no matter. Errors name the file, the line and the column.
pub fn read_csv(path: &Path) -> Result<Dataset> {
    let (pixels, labels) = read_rows(open(path)?, &path.display().to_string(), true)?;
    Ok(Dataset::new(&pixels, &labels)?)
}

/// Reads Kaggle's `test.csv`, `pixel0,...,pixel783` without labels: images `[N, 1, 28, 28]`, one byte a pixel.
pub fn read_unlabelled_csv(path: &Path) -> Result<Tensor> {
    let (pixels, _) = read_rows(open(path)?, &path.display().to_string(), false)?;
    Ok(Tensor::f_from_slice(&pixels)?.f_view([-1, 1, SIDE as i64, SIDE as i64])?)
}

/// Reads a CSV that is in memory, plain or gzipped; `name` stands for it in errors.
pub(super) fn parse(bytes: &[u8], name: &str) -> Result<Dataset> {
    let (pixels, labels) = read_rows(decompress(BufReader::new(bytes))?, name, true)?;
    Ok(Dataset::new(&pixels, &labels)?)
}

/// How much text is parsed at a time, and how long a line may be.
const BLOCK: usize = 16 << 20;
const LONGEST_LINE: usize = 1 << 20;

/// The pixels and labels of all rows, block after block of whole lines, each block parsed by all cores.
fn read_rows(mut bytes: impl Read, name: &str, labelled: bool) -> Result<(Vec<u8>, Vec<u8>)> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let (mut pixels, mut labels, mut lines) = (Vec::new(), Vec::new(), 0);
    let (mut block, mut header) = (Vec::new(), None);
    loop {
        let room = (BLOCK - block.len()) as u64;
        let read =
            bytes.by_ref().take(room).read_to_end(&mut block).with_context(|| format!("{name} cannot be read"))?;
        let end = if read == 0 { block.len() } else { last_line_end(&block) };
        let rest = block.split_off(end);
        let mut text = &block[..];
        if header.is_none() && !text.is_empty() {
            let (first, others) = split_line(text);
            header = Some(Header::parse(first, name, labelled)?);
            (text, lines) = (others, 1);
        }
        if let Some(header) = &header {
            let parts = thread::scope(|scope| -> Result<Vec<_>> {
                let start = |part| thread::Builder::new().spawn_scoped(scope, move || header.parse_rows(part));
                let threads = split_at_lines(text, cores).into_iter().map(start).collect::<io::Result<Vec<_>>>()?;
                threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("parsing {name} failed"))).collect()
            })?;
            for part in parts {
                let rows =
                    part.map_err(|BadRow { line, message }| anyhow!("{name}, line {}{message}", lines + line))?;
                lines += rows.lines;
                pixels.extend(rows.pixels);
                labels.extend(rows.labels);
            }
        }
        ensure!(
            rest.len() < LONGEST_LINE,
            "{name}, line {}: expected a line of 785 numbers, found one of more than {LONGEST_LINE} bytes",
            lines + 1
        );
        block = rest;
        if read == 0 {
            break;
        }
    }
    ensure!(header.is_some(), "{name} is empty: expected the header {}", layout(labelled));
    ensure!(!pixels.is_empty(), "{name} holds no images, only a header: give a file with images");
    Ok((pixels, labels))
}

fn split_line(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|&b| b == b'\n').map_or(text.len(), |i| i + 1))
}

fn last_line_end(text: &[u8]) -> usize {
    text.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1)
}

/// Cuts a text into `n` parts of whole lines, or fewer where it is short.
fn split_at_lines(mut text: &[u8], n: usize) -> Vec<&[u8]> {
    let part = text.len() / n + 1;
    let mut parts = Vec::new();
    while !text.is_empty() {
        let end = text.iter().skip(part).position(|&b| b == b'\n').map_or(text.len(), |i| part + i + 1);
        let (first, others) = text.split_at(end);
        parts.push(first);
        text = others;
    }
    parts
}

/// Where the label is among the places of a row; before it come the pixels.
const LABEL: usize = PIXELS;

/// What the first line tells: how columns are separated, and the place of each in a row.
struct Header {
    delimiter: u8,
    places: Vec<usize>,
}

struct Rows {
    pixels: Vec<u8>,
    labels: Vec<u8>,
    lines: u64,
}

struct BadRow {
    /// Counted from 1 in the text that was given.
    line: u64,
    message: String,
}

impl Header {
    fn parse(line: &[u8], name: &str, labelled: bool) -> Result<Self> {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line); // the byte order mark that spreadsheets write
        let delimiter = [b',', b';', b'\t'].into_iter().find(|delimiter| line.contains(delimiter)).unwrap_or(b',');
        let mut names = ByteRecord::new();
        reader(line, delimiter)
            .read_byte_record(&mut names)
            .with_context(|| format!("{name} cannot be read as CSV"))?;
        let has_label = names.iter().any(|field| field == b"label");
        match names.get(0) {
            Some(b"pixel0") if labelled && !has_label => {
                bail!("{name} has no column 'label': it looks like Kaggle's test.csv; give its train.csv")
            }
            _ if has_label && !labelled => {
                bail!("{name} has a column 'label': it looks like Kaggle's train.csv; give its test.csv")
            }
            _ => {}
        }
        let mut places = Vec::new();
        for (i, field) in names.iter().enumerate() {
            let pixel = field.strip_prefix(b"pixel").and_then(number::<u16>).map(usize::from);
            let place = if field == b"label" { Some(LABEL) } else { pixel.filter(|&pixel| pixel < PIXELS) };
            match place {
                Some(place) if !places.contains(&place) => places.push(place),
                _ => bail!(
                    "{name}, line 1, column {}: expected the columns {}, each once, found '{}': \
                     give a CSV in the layout of Kaggle's Digit Recognizer, or a folder with the MNIST IDX files",
                    i + 1,
                    layout(labelled),
                    excerpt(field)
                ),
            }
        }
        let expected = PIXELS + usize::from(labelled);
        ensure!(
            places.len() == expected,
            "{name}, line 1: expected {expected} columns, {}, found {}",
            layout(labelled),
            places.len()
        );
        Ok(Self { delimiter, places })
    }

    fn parse_rows(&self, mut text: &[u8]) -> Result<Rows, BadRow> {
        let capacity = text.len() / (2 * PIXELS) + 1; // no row is shorter
        let (mut pixels, mut labels) = (Vec::with_capacity(capacity * PIXELS), Vec::with_capacity(capacity));
        let (mut lines, mut values) = (0, [0; PIXELS + 1]);
        while !text.is_empty() {
            lines += 1;
            if let Some(others) = self.parse_plain_row(text, &mut values) {
                text = others;
            } else {
                let (line, others) = split_line(text);
                text = others;
                if !self.parse_row(line, &mut values).map_err(|message| BadRow { line: lines, message })? {
                    continue;
                }
            }
            pixels.extend_from_slice(&values[..PIXELS]);
            labels.push(values[LABEL]);
        }
        Ok(Rows { pixels, labels, lines })
    }

    /// The row at the start of `text` and what follows it, if it is of bare numbers: several times as fast as csv.
    fn parse_plain_row<'a>(&self, text: &'a [u8], values: &mut [u8; PIXELS + 1]) -> Option<&'a [u8]> {
        let mut bytes = text.iter();
        let last = self.places.len() - 1;
        for (i, &place) in self.places.iter().enumerate() {
            let end = if i == last { b'\n' } else { self.delimiter };
            let mut number = u16::from(bytes.next().filter(|byte| byte.is_ascii_digit())? - b'0');
            loop {
                match *bytes.next()? {
                    byte if byte == end => break,
                    byte if byte.is_ascii_digit() && number < 100 => number = number * 10 + u16::from(byte - b'0'),
                    _ => return None,
                }
            }
            values[place] = u8::try_from(number).ok().filter(|&value| place != LABEL || value <= 9)?;
        }
        Some(bytes.as_slice())
    }

    /// Any row, by csv; false for a blank line. The error says what follows the number of the line.
    fn parse_row(&self, line: &[u8], values: &mut [u8; PIXELS + 1]) -> Result<bool, String> {
        let mut row = ByteRecord::new();
        if !reader(line, self.delimiter).read_byte_record(&mut row).map_err(|error| format!(": {error}"))? {
            return Ok(false);
        }
        if row.len() != self.places.len() {
            let expected = self.places.len();
            let found = row.len();
            return Err(format!(
                ": expected {expected} columns, found {found}: is the file cut off or not in Kaggle's layout?"
            ));
        }
        for (field, &place) in row.iter().zip(&self.places) {
            let largest = if place == LABEL { 9 } else { 255 };
            values[place] = number(field).filter(|&value| value <= largest).ok_or_else(|| {
                let column = if place == LABEL { "label".into() } else { format!("pixel{place}") };
                format!(", column {column}: expected a whole number from 0 to {largest}, found '{}'", excerpt(field))
            })?;
        }
        Ok(true)
    }
}

/// Flexible: a row of another length is reported with what to do about it.
fn reader(text: &[u8], delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text)
}

/// A decimal number of at most three digits.
fn number<T: TryFrom<u16>>(field: &[u8]) -> Option<T> {
    let digit = |number: u16, &byte: &u8| byte.is_ascii_digit().then(|| number * 10 + u16::from(byte - b'0'));
    if matches!(field.len(), 1..=3) { field.iter().try_fold(0, digit)?.try_into().ok() } else { None }
}

fn layout(labelled: bool) -> &'static str {
    if labelled { "label,pixel0,...,pixel783" } else { "pixel0,...,pixel783" }
}

/// The start of a field, printable.
fn excerpt(field: &[u8]) -> String {
    String::from_utf8_lossy(field).chars().take(40).flat_map(char::escape_debug).collect()
}
