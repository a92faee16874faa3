//! Opens picture files: what is no picture, cut off or too large is refused by name.

use anyhow::{Context, Result, bail, ensure};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use std::fs;
use std::io::Cursor;
use std::path::Path;

/// The most pixels a picture may have: what is decoded from them must fit the memory.
const MOST_PIXELS: u64 = 100_000_000;
/// The largest file, in bytes.
const MOST_BYTES: u64 = 200_000_000;

/// Every marker of a JPEG file begins with this byte, and more of it may come before one.
const MARKER: u8 = 0xff;
/// Behind this marker the picture's own data begin.
const SCAN: u8 = 0xda;
/// What a whole JPEG file ends with.
const END: [u8; 2] = [MARKER, 0xd9];
/// How long the marker is that a JPEG file begins with, and each after it, in bytes.
const MARKER_LENGTH: usize = 2;

/// Reads a JPEG, PNG, WebP, BMP or GIF file, turned as it was photographed.
///
/// Fails, naming the file, where it is not a regular file, too large, cut off, or not a picture of these kinds.
pub fn open(path: &Path) -> Result<DynamicImage> {
    let name = path.display();
    let about = fs::metadata(path).with_context(|| format!("{name} cannot be opened"))?;
    ensure!(!about.is_dir(), "{name} is a folder: name the pictures in it, {name}/*.jpg");
    ensure!(about.is_file(), "{name} is not a regular file: save the picture to a file first"); // a pipe would wait forever
    ensure!(about.len() <= MOST_BYTES, "{name} has {} bytes: expected at most {MOST_BYTES}", about.len());
    let bytes = fs::read(path).with_context(|| format!("{name} cannot be opened"))?;
    read(&bytes).with_context(|| format!("{name} cannot be read as a picture"))
}

/// Reads a picture from the bytes of its file, turned as it was photographed.
///
/// Fails where it has too many pixels, is cut off or is no JPEG, PNG, WebP, BMP or GIF.
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
    let mut rest = bytes.get(MARKER_LENGTH..).unwrap_or_default();
    while let [MARKER, marker, high, low, ..] = *rest {
        let passed = match marker {
            SCAN => return rest.windows(END.len()).any(|end| end == END),
            MARKER => 1, // filling
            _ => MARKER_LENGTH + usize::from(u16::from_be_bytes([high, low])),
        };
        rest = rest.get(passed..).unwrap_or_default();
    }
    false
}
