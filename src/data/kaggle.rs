//! Reads the layout of Kaggle's Digit Recognizer: `label,pixel0,...,pixel783`, one image a row.

use super::columns::{Columns, Parsed, layout};
use super::{Dataset, LARGEST, SIDE, decompress, open};
use anyhow::{Context, Result, anyhow, ensure};
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::thread;
use tch::Tensor;

/// Reads a CSV, plain or gzipped: `pandas.read_csv`.
///
/// The columns may be in any order, separated by commas, semicolons or tabs, with pandas' index before them; quotes,
/// whole numbers written as `255.0`, UTF-16, a byte order mark, any line ends and blank lines are no matter. Errors name
/// the file, the line and the column.
pub fn read_csv(path: impl AsRef<Path>) -> Result<Dataset> {
    let path = path.as_ref();
    let (pixels, labels) = read_rows(open(path)?, &path.display().to_string(), true)?;
    Ok(Dataset::new(&pixels, &labels)?)
}

/// Reads a CSV that is in memory, plain or gzipped; `name` stands for it in errors.
pub fn parse_csv(bytes: &[u8], name: &str) -> Result<Dataset> {
    let (pixels, labels) = read_rows(decompress(BufReader::new(bytes))?, name, true)?;
    Ok(Dataset::new(&pixels, &labels)?)
}

/// Reads Kaggle's `test.csv`, `pixel0,...,pixel783` without labels: images `[N, 1, 28, 28]`, one byte a pixel.
pub fn read_unlabelled_csv(path: &Path) -> Result<Tensor> {
    let (pixels, _) = read_rows(open(path)?, &path.display().to_string(), false)?;
    Ok(Tensor::f_from_slice(&pixels)?.f_view([-1, 1, SIDE as i64, SIDE as i64])?)
}

/// How much text is parsed at a time, and how long a line may be.
const BLOCK: u64 = 8 << 20;
const LONGEST_LINE: usize = 1 << 20;

/// The pixels and labels of all rows, block after block of whole lines, each block parsed by all cores.
fn read_rows(bytes: Box<dyn BufRead + Send + '_>, name: &str, labelled: bool) -> Result<(Vec<u8>, Vec<u8>)> {
    let unreadable = || format!("{name} cannot be read");
    let mut bytes = as_utf8(bytes).with_context(unreadable)?;
    let mut header = Vec::new();
    bytes.by_ref().take(LONGEST_LINE as u64).read_until(b'\n', &mut header).with_context(unreadable)?;
    ensure!(!header.is_empty(), "{name} is empty: expected the header {}", layout(labelled));
    // Old spreadsheets for the Mac end each line in a carriage return alone.
    let cr = header.iter().position(|&b| b == b'\r').filter(|i| header.get(i + 1) != Some(&b'\n'));
    let mut block = header.split_off(cr.map_or(header.len(), |i| i + 1));
    let columns = Columns::parse(header.trim_ascii_end(), name, labelled)?;

    let (mut pixels, mut labels, mut lines, mut total) = (Vec::new(), Vec::new(), 1, 0);
    loop {
        let read = bytes.by_ref().take(BLOCK).read_to_end(&mut block).with_context(unreadable)?;
        total += read as u64;
        ensure!(total < LARGEST, "{name} holds more than {LARGEST} bytes of text: give a part of it");
        if cr.is_some() {
            block.iter_mut().filter(|b| **b == b'\r').for_each(|b| *b = b'\n');
        }
        let end = if read == 0 { block.len() } else { line_end(&block, block.len()) };
        let rest = block.split_off(end);
        ensure!(
            rest.len() < LONGEST_LINE,
            "{name}, line {}: expected a line of {} numbers, found one of more than {LONGEST_LINE} bytes",
            lines + 1 + block.iter().filter(|&&b| b == b'\n').count(),
            columns.places.len()
        );
        for part in parse_on_all_cores(&block, &columns)? {
            let rows = part.map_err(|(line, message)| anyhow!("{name}, line {}{message}", lines + line))?;
            lines += rows.lines;
            pixels.extend(rows.pixels);
            labels.extend(rows.labels);
        }
        block = rest;
        if read == 0 {
            break;
        }
    }
    ensure!(!pixels.is_empty(), "{name} holds no images, only a header: give a file with images");
    Ok((pixels, labels))
}

/// UTF-16, as Excel's "Unicode text" has it, as UTF-8; anything else as it is.
fn as_utf8<'a>(mut bytes: Box<dyn BufRead + Send + 'a>) -> io::Result<Box<dyn BufRead + Send + 'a>> {
    let decode = match bytes.fill_buf()? {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return Ok(bytes),
    };
    let mut utf16 = Vec::new();
    bytes.take(LARGEST).read_to_end(&mut utf16)?;
    let units = utf16.chunks_exact(2).map(|pair| decode([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Ok(Box::new(Cursor::new(text.into_bytes())))
}

/// The rows of `text`, in parts.
fn parse_on_all_cores(text: &[u8], columns: &Columns) -> Result<Vec<Parsed>> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut starts: Vec<usize> = (0..=cores).map(|i| line_end(text, text.len() * i / cores)).collect();
    starts[cores] = text.len();
    thread::scope(|scope| {
        let start = |part: &[usize]| {
            let part = &text[part[0]..part[1]];
            thread::Builder::new().spawn_scoped(scope, move || columns.parse_rows(part))
        };
        let threads = starts.windows(2).map(start).collect::<io::Result<Vec<_>>>()?;
        threads.into_iter().map(|thread| thread.join().map_err(|_| anyhow!("a thread ended early"))).collect()
    })
}

/// Where the last line that ends before `place` ends.
fn line_end(text: &[u8], place: usize) -> usize {
    text[..place].iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1)
}

#[cfg(test)]
mod tests {
    use super::read_rows;
    use std::io::{BufReader, Read, repeat};

    #[test]
    fn a_text_without_end_is_refused_before_it_fills_the_memory() {
        let header = "label".to_owned() + &(0..784).map(|i| format!(",pixel{i}")).collect::<String>() + "\n";
        let endless = |byte| Box::new(BufReader::new(header.as_bytes().chain(repeat(byte))));
        let error = read_rows(endless(b'\n'), "train.csv", true).unwrap_err().to_string();
        assert!(error.contains("train.csv holds more than"), "{error}");
        let error = read_rows(endless(b'1'), "train.csv", true).unwrap_err().to_string();
        assert!(error.contains("line 2: expected a line of 785 numbers"), "{error}");
    }
}
