//! Opens picture files: what is no picture, cut off or too large is refused by name.

use anyhow::{Context, Result, bail, ensure};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use std::fs;
use std::io::Cursor;
use std::path::Path;

/// The most pixels a picture may have: a telephone's has 12 to 50 million, and each takes up to 8 bytes while it is read.
const MOST_PIXELS: u64 = 100_000_000;
/// The largest file, in bytes.
const MOST_BYTES: u64 = 200_000_000;

/// Reads a JPEG, PNG, WebP, BMP or GIF file, turned as it was photographed.
pub fn open(path: &Path) -> Result<DynamicImage> {
    let name = path.display();
    let about = fs::metadata(path).with_context(|| format!("{name} cannot be opened"))?;
    ensure!(!about.is_dir(), "{name} is a folder: name the pictures in it, {name}/*.jpg");
    ensure!(about.is_file(), "{name} is no regular file: save the picture to a file first"); // a pipe would wait forever
    ensure!(about.len() <= MOST_BYTES, "{name} has {} bytes: expected at most {MOST_BYTES}", about.len());
    let bytes = fs::read(path).with_context(|| format!("{name} cannot be opened"))?;
    read(&bytes).with_context(|| format!("{name} cannot be read as a picture"))
}

/// Reads a picture from the bytes of its file.
pub fn read(bytes: &[u8]) -> Result<DynamicImage> {
    if bytes.get(4..8) == Some(b"ftyp") {
        let brand = bytes.get(8..12).unwrap_or_default();
        ensure!(
            !matches!(brand, b"heic" | b"heix" | b"hevc" | b"heim" | b"heis" | b"mif1" | b"msf1"),
            "it is a HEIC file, a telephone's own format: export it as JPEG, or set the camera to 'most compatible'"
        );
        bail!("it is of the kind '{}': expected JPEG, PNG, WebP, BMP or GIF", brand.escape_ascii());
    }
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    ensure!(reader.format() != Some(ImageFormat::Jpeg) || is_whole(bytes), "the JPEG file is cut off: copy it again");
    let expected = "expected a JPEG, PNG, WebP, BMP or GIF file";
    let mut decoder = reader.into_decoder().context(expected)?;
    let (width, height) = decoder.dimensions();
    ensure!(
        u64::from(width) * u64::from(height) <= MOST_PIXELS,
        "it has {width}x{height} pixels: expected at most {MOST_PIXELS}; make it smaller, 1000 pixels wide is plenty"
    );
    let orientation = decoder.orientation().context(expected)?;
    let mut picture = DynamicImage::from_decoder(decoder).context(expected)?;
    picture.apply_orientation(orientation); // telephones store pictures lying on their side
    Ok(picture)
}

/// Whether a JPEG file has its end: the decoder paints what is missing grey. The segments before the picture are passed
/// over, for a small picture inside them has an end of its own.
fn is_whole(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4) {
        match marker {
            0xda => return bytes[at..].windows(2).any(|end| end == [0xff, 0xd9]),
            0xff => at += 1, // filling
            _ => at += 2 + usize::from(u16::from_be_bytes([high, low])),
        }
    }
    false
}
