//! What the first line of a CSV says of its columns.

use super::rows::{is_number, reader};
use super::{PIXELS, SIDE};
use anyhow::{Context, Result, bail, ensure};
use csv::ByteRecord;

/// What a column holds.
#[derive(Clone, Copy, PartialEq)]
pub enum Column {
    /// One of the pixels, counted from 0.
    Pixel(usize),
    Label,
    /// The number of the row, as pandas writes it.
    Index,
}

/// What the first line tells: how columns are separated, and what each holds.
pub struct Columns {
    pub delimiter: u8,
    pub columns: Vec<Column>,
    /// What each column is called in errors: its name, or its number where there are no names.
    pub names: Vec<String>,
    /// The first line is data already.
    pub headerless: bool,
}

impl Columns {
    /// Reads the line with this number of the file `name`.
    pub fn parse(line: &[u8], number: usize, name: &str, labelled: bool) -> Result<Self> {
        let delimiter = b",;\t ".iter().copied().find(|delimiter| line.contains(delimiter)).unwrap_or(b',');
        let mut fields = ByteRecord::new();
        reader(line, delimiter)
            .read_byte_record(&mut fields)
            .with_context(|| format!("{name} cannot be read as CSV"))?;
        if !fields.is_empty() && fields.iter().all(is_number) {
            return Self::without_names(delimiter, fields.len(), number, name, labelled);
        }
        let names: Vec<String> =
            fields.iter().map(|field| String::from_utf8_lossy(field.trim_ascii()).to_ascii_lowercase()).collect();
        let has_label = names.iter().any(|name| is_label(name));
        // Kaggle's competition counts the pixels from 0; its Fashion-MNIST and OpenML count from 1.
        let has = |pixel: &str| names.iter().any(|name| name == pixel);
        let first = usize::from(has("pixel784") && !has("pixel0"));
        if labelled && !has_label && names.first().is_some_and(|name| pixel(name, first) == Some(0)) {
            bail!("{name} has no column 'label': it looks like Kaggle's test.csv; give its train.csv");
        }
        if has_label && !labelled {
            bail!("{name} has a column 'label': it looks like Kaggle's train.csv; give its test.csv");
        }
        let mut columns = Vec::new();
        for (i, (column, field)) in names.iter().zip(&fields).enumerate() {
            let column = match pixel(column, first) {
                _ if is_label(column) => Some(Column::Label),
                // pandas' to_csv writes the index first, and no name over it, which its read_csv calls "Unnamed: 0".
                None if i == 0 && names.len() > 1 && ["", "unnamed: 0", "id"].contains(&column.as_str()) => {
                    Some(Column::Index)
                }
                pixel => pixel.map(Column::Pixel),
            };
            match column {
                Some(column) if !columns.contains(&column) => columns.push(column),
                _ => bail!(
                    "{name}, line {number}, column {}: expected {}, each once, found '{}': \
                     give a CSV in one of these layouts, or a folder with the MNIST IDX files",
                    i + 1,
                    layouts(labelled),
                    excerpt(field)
                ),
            }
        }
        let (expected, index) = (PIXELS + usize::from(labelled), usize::from(columns.contains(&Column::Index)));
        ensure!(
            columns.len() == expected + index,
            "{name}, line {number}: expected {expected} columns, {}, found {}",
            layouts(labelled),
            columns.len() - index
        );
        let names = fields.iter().map(|field| String::from_utf8_lossy(field.trim_ascii()).into_owned()).collect();
        Ok(Self { delimiter, columns, names, headerless: false })
    }

    /// The columns of a CSV that begins with `found` numbers: the label first, then the pixels row by row.
    fn without_names(delimiter: u8, found: usize, number: usize, name: &str, labelled: bool) -> Result<Self> {
        let expected = PIXELS + usize::from(labelled);
        let hint = match found {
            PIXELS if labelled => ": are these images without labels? Training needs the label first in each line",
            n if n == PIXELS + 1 && !labelled => ": are these images with labels? Give those without",
            _ => "",
        };
        ensure!(
            found == expected,
            "{name}, line {number}: expected {expected} columns, {}, found {found} numbers and no names{hint}",
            layouts(labelled)
        );
        let label = labelled.then_some(Column::Label);
        Ok(Self {
            delimiter,
            columns: label.into_iter().chain((0..PIXELS).map(Column::Pixel)).collect(),
            names: (1..=expected).map(|number| number.to_string()).collect(),
            headerless: true,
        })
    }

    /// What was taken for granted and the file does not say.
    pub fn assumption(&self, name: &str) -> Option<String> {
        let order = if self.columns.contains(&Column::Label) { "the label first, then " } else { "" };
        let text = || format!("{name} has no names over its columns: taken for {order}the pixels row by row");
        self.headerless.then(text)
    }
}

fn is_label(name: &str) -> bool {
    ["label", "class"].contains(&name)
}

/// Which pixel a column named `pixel7` or `1x8` holds; `first` is the number of the first where they have one number.
fn pixel(name: &str, first: usize) -> Option<usize> {
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<usize>().ok())?;
    if let Some((row, column)) = name.split_once('x').filter(|(row, _)| !row.is_empty() && *row != "pi") {
        let (row, column) = (number(row)?.checked_sub(1)?, number(column)?.checked_sub(1)?);
        return (row < SIDE && column < SIDE).then_some(row * SIDE + column);
    }
    number(name.strip_prefix("pixel")?)?.checked_sub(first).filter(|&pixel| pixel < PIXELS)
}

/// The layouts that are read, in words.
pub fn layouts(labelled: bool) -> String {
    let (label, numbers) = if labelled { ("label,", "785 numbers, the label first") } else { ("", "784 numbers") };
    format!(
        "{label}pixel0,...,pixel783 or {label}pixel1,...,pixel784 or {label}1x1,...,28x28, or no names and {numbers}"
    )
}

/// The start of a field, printable.
pub fn excerpt(field: &[u8]) -> String {
    String::from_utf8_lossy(field).chars().take(40).flat_map(char::escape_debug).collect()
}
