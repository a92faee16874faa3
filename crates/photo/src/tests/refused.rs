//! Pictures without one digit, and files that are no pictures.

use super::page;
use crate::{open, read, to_mnist};
use image::{DynamicImage, GrayImage, ImageFormat, Luma, imageops};

#[test]
fn a_picture_without_one_digit_is_refused_with_what_was_found() {
    let empty =
        |paint: fn(u32, u32) -> u8| DynamicImage::from(GrayImage::from_fn(480, 640, |x, y| Luma([paint(x, y)])));
    for (name, paint) in [
        ("an empty page", (|_, _| 230) as fn(u32, u32) -> u8),
        ("a squared page", |x, y| if x % 40 < 2 || y % 40 < 2 { 150 } else { 230 }),
        ("a shadow", |x, y| if x + y / 4 < 330 { 230 } else { 120 }),
    ] {
        let error = to_mnist(&empty(paint)).expect_err(name);
        assert!(error.to_string().contains("nothing stands out"), "{name}: {error}");
    }
    let one = page(0, |grey, _, _| grey).to_luma8();
    let mut two = GrayImage::from_pixel(960, 640, Luma([230]));
    [0, 360].into_iter().for_each(|x| imageops::replace(&mut two, &one, x, 0));
    let error = to_mnist(&two.into()).unwrap_err().to_string();
    assert!(error.contains("two digits or more were found"), "{error}");
}

/// A page of 230 with a finger's shadow, soft at its edge, from the border to a round tip: x, y, angle, half its width, edge.
fn fingers_shadow([tip_x, tip_y, angle, half, soft]: [f32; 5]) -> DynamicImage {
    DynamicImage::from(GrayImage::from_fn(480, 640, |x, y| {
        let (x, y) = (x as f32 - tip_x, y as f32 - tip_y);
        let (along, across) = (x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin());
        let outside = if along > 0.0 { across.abs() } else { along.hypot(across) } - half;
        Luma([(230.0 * (1.0 - 0.5 / (1.0 + (outside / soft).exp()))) as u8])
    }))
}

#[test]
fn a_fingers_shadow_on_an_empty_page_is_no_digit() {
    for shadow in [
        [240.0, 250.0, 1.15, 24.0, 4.0],
        [200.0, 320.0, 1.15, 36.0, 8.0],
        [330.0, 400.0, 3.77, 36.0, 4.0],
        [280.0, 400.0, 3.77, 50.0, 14.0],
        [330.0, 250.0, 5.34, 36.0, 4.0],
    ] {
        let error = to_mnist(&fingers_shadow(shadow)).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("nothing stands out"), "{shadow:?}: {error:?}");
    }
}

#[test]
fn what_is_full_of_shades_as_a_face_is_is_no_digit() {
    for index in [0, 2, 3, 8] {
        let shaded = page(index, |grey, x, y| {
            let share = if (x / 20 + y / 20) % 5 == 0 { 1.0 } else { 0.3 };
            230.0 - share * (230.0 - grey)
        });
        let error = to_mnist(&shaded).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("full of shades, like a face"), "{index}: {error:?}");
    }
}

#[test]
fn a_picture_of_any_shape_is_refused_where_there_is_nothing_on_it() {
    for (width, height) in [(0, 0), (0, 5), (7, 0), (1, 1), (1, 5000), (5000, 1), (3, 3)] {
        let error = to_mnist(&GrayImage::new(width, height).into()).unwrap_err().to_string();
        assert!(error.contains("nothing stands out"), "{width}x{height}: {error}");
    }
}

#[test]
fn picture_files_are_read_whole_or_refused_by_what_they_are() {
    let picture = DynamicImage::from(page(3, |grey, _, _| grey).to_rgb8());
    let encoded = |format| {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    };
    for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp, ImageFormat::Gif] {
        let bytes = encoded(format);
        assert!(read(&bytes).is_ok(), "{format:?}");
        assert!(read(&bytes[..bytes.len() / 2]).is_err(), "half a file: {format:?}");
    }
    let error = read(b"\0\0\0\x18ftypheic\0\0\0\0").unwrap_err().to_string();
    assert!(error.contains("HEIC") && error.contains("export it as JPEG"), "{error}");
    let mut huge = encoded(ImageFormat::Bmp);
    huge[18..26].copy_from_slice(&[0x20, 0x4e, 0, 0, 0x20, 0x4e, 0, 0]); // 20000x20000
    let error = read(&huge).unwrap_err().to_string();
    assert!(error.contains("20000x20000"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    assert!(open(dir.path()).unwrap_err().to_string().contains("is a folder"));
    if cfg!(unix) {
        assert!(open("/dev/null".as_ref()).unwrap_err().to_string().contains("not a regular file"));
    }
}
