//! Reads the layout of Kaggle's Digit Recognizer: `label,pixel0,...,pixel783`, one image a row.

use super::{Dataset, PIXELS, SIDE, decompress, open};
use anyhow::{Context, Result, bail, ensure};
use csv::ByteRecord;
use std::io::{BufReader, Read};
use std::path::Path;
use tch::Tensor;

/// Reads a CSV, plain or gzipped. Errors name the file, the line and the column.
pub fn read_csv(path: &Path) -> Result<Dataset> {
    let (pixels, labels) = parse_rows(open(path)?, &path.display().to_string(), true)?;
    Ok(Dataset::new(&pixels, &labels)?)
}

/// Reads Kaggle's `test.csv`, `pixel0,...,pixel783` without labels: images `[N, 1, 28, 28]`, one byte a pixel.
pub fn read_unlabelled_csv(path: &Path) -> Result<Tensor> {
    let (pixels, _) = parse_rows(open(path)?, &path.display().to_string(), false)?;
    Ok(Tensor::f_from_slice(&pixels)?.f_view([-1, 1, SIDE as i64, SIDE as i64])?)
}

/// Reads a CSV that is in memory, plain or gzipped; `name` stands for it in errors.
pub(super) fn parse(bytes: &[u8], name: &str) -> Result<Dataset> {
    let (pixels, labels) = parse_rows(decompress(BufReader::new(bytes))?, name, true)?;
    Ok(Dataset::new(&pixels, &labels)?)
}

fn parse_rows(bytes: impl Read, name: &str, labelled: bool) -> Result<(Vec<u8>, Vec<u8>)> {
    // Flexible: a row of another length is reported below, with what to do about it.
    let mut rows = csv::ReaderBuilder::new().flexible(true).buffer_capacity(1 << 16).from_reader(bytes);
    let first_pixel = usize::from(labelled);
    check_header(rows.byte_headers().with_context(|| format!("{name} cannot be read as CSV"))?, name, first_pixel)?;
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    let mut row = ByteRecord::new();
    while rows.read_byte_record(&mut row).with_context(|| format!("{name} cannot be read as CSV"))? {
        let line = row.position().map_or(0, csv::Position::line);
        ensure!(
            row.len() == first_pixel + PIXELS,
            "{name}, line {line}: expected {} columns, found {}: is the file cut off or not in Kaggle's layout?",
            first_pixel + PIXELS,
            row.len()
        );
        for (column, field) in row.iter().enumerate() {
            let is_label = column < first_pixel;
            match std::str::from_utf8(field).ok().and_then(|text| text.parse::<u8>().ok()) {
                Some(label @ 0..=9) if is_label => labels.push(label),
                Some(pixel) if !is_label => pixels.push(pixel),
                _ => bail!(
                    "{name}, line {line}, column {}: expected a whole number from 0 to {}, found '{}'",
                    if is_label { "label".into() } else { format!("pixel{}", column - first_pixel) },
                    if is_label { 9 } else { 255 },
                    excerpt(field)
                ),
            }
        }
    }
    ensure!(!pixels.is_empty(), "{name} holds no images, only a header: give a file with images");
    Ok((pixels, labels))
}

fn check_header(header: &ByteRecord, name: &str, first_pixel: usize) -> Result<()> {
    let layout = if first_pixel == 1 { "label,pixel0,...,pixel783" } else { "pixel0,...,pixel783" };
    ensure!(!header.is_empty(), "{name} is empty: expected the header {layout}");
    match (&header[0], first_pixel) {
        (b"pixel0", 1) => bail!("{name} has no column 'label': it looks like Kaggle's test.csv; give its train.csv"),
        (b"label", 0) => bail!("{name} has a column 'label': it looks like Kaggle's train.csv; give its test.csv"),
        _ => {}
    }
    let is_kaggle = |(column, field): (usize, &[u8])| match column.checked_sub(first_pixel) {
        None => field == b"label",
        Some(pixel) => field == format!("pixel{pixel}").as_bytes(),
    };
    if let Some((column, field)) = header.iter().enumerate().find(|&entry| !is_kaggle(entry)) {
        bail!(
            "{name}, line 1, column {}: expected the header {layout}, found '{}': \
             give a CSV in the layout of Kaggle's Digit Recognizer, or a folder with the MNIST IDX files",
            column + 1,
            excerpt(field)
        );
    }
    ensure!(
        header.len() == first_pixel + PIXELS,
        "{name}, line 1: expected {} columns, {layout}, found {}",
        first_pixel + PIXELS,
        header.len()
    );
    Ok(())
}

/// The start of a field, printable.
fn excerpt(field: &[u8]) -> String {
    String::from_utf8_lossy(field).chars().take(40).flat_map(char::escape_debug).collect()
}
