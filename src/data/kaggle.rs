//! Reads the layout of Kaggle's Digit Recognizer: `label,pixel0,...,pixel783`, one image a row.

use super::{Dataset, PIXELS, decompress, open};
use anyhow::{Context, Result, bail, ensure};
use csv::ByteRecord;
use std::io::{BufReader, Read};
use std::path::Path;

/// Reads a CSV, plain or gzipped. Errors name the file, the line and the column.
pub fn read_csv(path: &Path) -> Result<Dataset> {
    parse_rows(open(path)?, &path.display().to_string())
}

/// Reads a CSV that is in memory, plain or gzipped; `name` stands for it in errors.
pub(super) fn parse(bytes: &[u8], name: &str) -> Result<Dataset> {
    parse_rows(decompress(BufReader::new(bytes))?, name)
}

fn parse_rows(bytes: impl Read, name: &str) -> Result<Dataset> {
    // Flexible: a row of another length is reported below, with what to do about it.
    let mut rows = csv::ReaderBuilder::new().flexible(true).buffer_capacity(1 << 16).from_reader(bytes);
    check_header(rows.byte_headers().with_context(|| format!("{name} cannot be read as CSV"))?, name)?;
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    let mut row = ByteRecord::new();
    while rows.read_byte_record(&mut row).with_context(|| format!("{name} cannot be read as CSV"))? {
        let line = row.position().map_or(0, csv::Position::line);
        ensure!(
            row.len() == 1 + PIXELS,
            "{name}, line {line}: expected {} columns, found {}: is the file cut off or not in Kaggle's layout?",
            1 + PIXELS,
            row.len()
        );
        for (column, field) in row.iter().enumerate() {
            let value = std::str::from_utf8(field).ok().and_then(|text| text.parse::<u8>().ok());
            match (column, value) {
                (0, Some(label @ 0..=9)) => labels.push(label),
                (1.., Some(pixel)) => pixels.push(pixel),
                _ => bail!(
                    "{name}, line {line}, column {}: expected a whole number from 0 to {}, found '{}'",
                    if column == 0 { "label".into() } else { format!("pixel{}", column - 1) },
                    if column == 0 { 9 } else { 255 },
                    excerpt(field)
                ),
            }
        }
    }
    ensure!(!labels.is_empty(), "{name} holds no images, only a header: give a file with at least two rows");
    Ok(Dataset::new(&pixels, &labels)?)
}

fn check_header(header: &ByteRecord, name: &str) -> Result<()> {
    ensure!(!header.is_empty(), "{name} is empty: expected the header label,pixel0,...,pixel783");
    if &header[0] == b"pixel0" {
        bail!("{name} has no column 'label': it looks like Kaggle's test.csv; to train, give its train.csv");
    }
    let is_kaggle = |(column, field): (usize, &[u8])| match column {
        0 => field == b"label",
        _ => field == format!("pixel{}", column - 1).as_bytes(),
    };
    if let Some((column, field)) = header.iter().enumerate().find(|&entry| !is_kaggle(entry)) {
        bail!(
            "{name}, line 1, column {}: expected the header label,pixel0,...,pixel783, found '{}': \
             give a CSV in the layout of Kaggle's Digit Recognizer, or a folder with the MNIST IDX files",
            column + 1,
            excerpt(field)
        );
    }
    ensure!(
        header.len() == 1 + PIXELS,
        "{name}, line 1: expected {} columns, label and pixel0 to pixel783, found {}",
        1 + PIXELS,
        header.len()
    );
    Ok(())
}

/// The start of a field, printable.
fn excerpt(field: &[u8]) -> String {
    String::from_utf8_lossy(field).chars().take(40).flat_map(char::escape_debug).collect()
}
