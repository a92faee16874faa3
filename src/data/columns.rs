//! What the first line of a CSV says of its columns, and the rows under it.

use super::PIXELS;
use anyhow::{Context, Result, bail, ensure};
use csv::{ByteRecord, Reader, ReaderBuilder};

/// What a column holds.
#[derive(Clone, Copy, PartialEq)]
enum Column {
    /// One of the pixels, counted from 0.
    Pixel(usize),
    Label,
    /// The number of the row, as pandas writes it.
    Index,
}

/// What the first line tells: how columns are separated, and what each holds.
pub struct Columns {
    delimiter: u8,
    columns: Vec<Column>,
}

/// Pixels, 784 for each label, and labels.
pub struct Rows {
    pub pixels: Vec<u8>,
    pub labels: Vec<u8>,
    pub lines: usize,
}

/// An error is a line, counted from 1 in the text that was given, and what is wrong there.
pub type Parsed = Result<Rows, (usize, String)>;

impl Columns {
    pub fn parse(line: &[u8], name: &str, labelled: bool) -> Result<Self> {
        let delimiter = [b',', b';', b'\t'].into_iter().find(|delimiter| line.contains(delimiter)).unwrap_or(b',');
        let mut names = ByteRecord::new();
        reader(line, delimiter)
            .read_byte_record(&mut names)
            .with_context(|| format!("{name} cannot be read as CSV"))?;
        let is_label = |field: &[u8]| field.eq_ignore_ascii_case(b"label");
        let has_label = names.iter().any(is_label);
        match names.get(0) {
            Some(b"pixel0") if labelled && !has_label => {
                bail!("{name} has no column 'label': it looks like Kaggle's test.csv; give its train.csv")
            }
            _ if has_label && !labelled => {
                bail!("{name} has a column 'label': it looks like Kaggle's train.csv; give its test.csv")
            }
            _ => {}
        }
        let mut columns = Vec::new();
        for (i, field) in names.iter().enumerate() {
            let column = match field.to_ascii_lowercase().strip_prefix(b"pixel").and_then(whole_number) {
                _ if is_label(field) => Some(Column::Label),
                // pandas' to_csv writes the index first, and no name over it.
                None if i == 0 && field.is_empty() && names.len() > 1 => Some(Column::Index),
                pixel => pixel.map(usize::from).filter(|&pixel| pixel < PIXELS).map(Column::Pixel),
            };
            match column {
                Some(column) if !columns.contains(&column) => columns.push(column),
                _ => bail!(
                    "{name}, line 1, column {}: expected the columns {}, each once, found '{}': \
                     give a CSV in the layout of Kaggle's Digit Recognizer, or a folder with the MNIST IDX files",
                    i + 1,
                    layout(labelled),
                    excerpt(field)
                ),
            }
        }
        let (expected, index) = (PIXELS + usize::from(labelled), usize::from(columns.contains(&Column::Index)));
        ensure!(
            columns.len() == expected + index,
            "{name}, line 1: expected {expected} columns, {}, found {}",
            layout(labelled),
            columns.len() - index
        );
        Ok(Self { delimiter, columns })
    }

    /// Reads every row of `text`, which is whole lines.
    pub fn parse_rows(&self, text: &[u8]) -> Parsed {
        let capacity = text.len() / (2 * PIXELS) + 1; // no row is shorter
        let (mut pixels, mut labels) = (Vec::with_capacity(capacity * PIXELS), Vec::with_capacity(capacity));
        let (mut reader, mut row) = (reader(text, self.delimiter), ByteRecord::new());
        let mut image = [0; PIXELS];
        loop {
            match reader.read_byte_record(&mut row) {
                Ok(true) => {
                    let label = self.parse_row(&row, &mut image);
                    labels.push(label.map_err(|message| (line_of(&row, text), message))?);
                    pixels.extend_from_slice(&image);
                }
                Ok(false) => return Ok(Rows { pixels, labels, lines: count_lines(text) }),
                Err(error) => return Err((line_of(&row, text), format!(": {error}"))),
            }
        }
    }

    /// Fills in the image and returns its label, 0 where there is none. The error says what follows the number of the line.
    fn parse_row(&self, row: &ByteRecord, image: &mut [u8; PIXELS]) -> Result<u8, String> {
        let (expected, found) = (self.columns.len(), row.len());
        if found != expected {
            return Err(format!(
                ": expected {expected} columns, found {found}: is the file cut off or not in Kaggle's layout?"
            ));
        }
        let mut label = 0;
        for (field, &column) in row.iter().zip(&self.columns) {
            let (value, largest) = match column {
                Column::Pixel(pixel) => (&mut image[pixel], 255),
                Column::Label => (&mut label, 9),
                Column::Index => continue,
            };
            *value = match whole_number(field) {
                Some(value) if value <= largest => value as u8,
                _ => {
                    let column = match column {
                        Column::Pixel(pixel) => format!("pixel{pixel}"),
                        _ => "label".into(),
                    };
                    let found = excerpt(field);
                    return Err(format!(
                        ", column {column}: expected a whole number from 0 to {largest}, found '{found}'"
                    ));
                }
            };
        }
        Ok(label)
    }
}

/// The line that a row begins in. Its position is that of the blank lines before it, if there are any.
fn line_of(row: &ByteRecord, text: &[u8]) -> usize {
    let start = row.position().map_or(0, |position| position.byte() as usize);
    let blank = text[start..].iter().take_while(|b| b"\r\n".contains(b)).count();
    1 + count_lines(&text[..start + blank])
}

fn count_lines(text: &[u8]) -> usize {
    text.iter().filter(|&&b| b == b'\n').count()
}

/// Flexible: a row of another length is reported with what to do about it.
fn reader(text: &[u8], delimiter: u8) -> Reader<&[u8]> {
    ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text)
}

/// A decimal number of at most three digits, or such a number with `.0` after it.
fn whole_number(field: &[u8]) -> Option<u16> {
    let mut number = 0;
    for (i, &byte) in field.iter().enumerate() {
        match byte {
            b'0'..=b'9' if i < 3 => number = number * 10 + u16::from(byte - b'0'),
            b'.' if i > 0 => return field[i + 1..].iter().all(|&b| b == b'0').then_some(number),
            _ => return None,
        }
    }
    (!field.is_empty()).then_some(number)
}

pub fn layout(labelled: bool) -> &'static str {
    if labelled { "label,pixel0,...,pixel783" } else { "pixel0,...,pixel783" }
}

/// The start of a field, printable.
fn excerpt(field: &[u8]) -> String {
    String::from_utf8_lossy(field).chars().take(40).flat_map(char::escape_debug).collect()
}
