//! The rows of a CSV: from text to bytes.

use super::PIXELS;
use super::columns::{Column, Columns, excerpt};
use csv::{ByteRecord, Reader, ReaderBuilder};

/// Pixels, 784 for each label, and labels.
pub struct Rows {
    pub pixels: Vec<u8>,
    pub labels: Vec<u8>,
    pub lines: usize,
}

/// An error is a line, counted from 1 in the text that was given, and what is wrong there.
pub type Parsed = Result<Rows, (usize, String)>;

impl Columns {
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
                ": expected {expected} columns, found {found}: is the file cut off or not in the layout of its first line?"
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
                    let at = self.columns.iter().position(|other| *other == column).unwrap_or_default();
                    let (name, found) = (&self.names[at], excerpt(field));
                    let hint = if largest == 255 && number(field).is_some_and(|value| value > 0.0 && value < 1.0) {
                        ": were the pixels scaled to 0..1? Multiply them by 255"
                    } else {
                        ""
                    };
                    return Err(format!(
                        ", column {name}: expected a whole number from 0 to {largest}, found '{found}'{hint}"
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
pub fn reader(text: &[u8], delimiter: u8) -> Reader<&[u8]> {
    ReaderBuilder::new().has_headers(false).flexible(true).delimiter(delimiter).from_reader(text)
}

/// A decimal number of at most three digits, however it is written.
fn whole_number(field: &[u8]) -> Option<u16> {
    let mut number = 0;
    for (i, &byte) in field.iter().enumerate() {
        match byte {
            b'0'..=b'9' if i < 3 => number = number * 10 + u16::from(byte - b'0'),
            _ => return unusual_number(field),
        }
    }
    (!field.is_empty()).then_some(number)
}

/// A number with blanks around it, or as `numpy.savetxt` writes it, `2.550000000000000000e+02`.
#[cold] // what Kaggle's own layout has takes no more time for it
fn unusual_number(field: &[u8]) -> Option<u16> {
    let number = number(field)?;
    ((0.0..1000.0).contains(&number) && number.fract() == 0.0).then_some(number as u16)
}

fn number(field: &[u8]) -> Option<f64> {
    let text = str::from_utf8(field.trim_ascii()).ok()?;
    // Neither "nan" nor "inf", which `parse` takes for numbers.
    let begins = text.trim_start_matches(['+', '-']).starts_with(|c: char| c == '.' || c.is_ascii_digit());
    text.parse().ok().filter(|_| begins)
}

pub fn is_number(field: &[u8]) -> bool {
    number(field).is_some()
}
