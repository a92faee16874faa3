//! Photographs and drawings of digits.

mod beside;
mod refused;

use super::{open, to_mnist};
use ab_glyph::FontRef;
use image::{DynamicImage, GrayImage, Luma, LumaA, imageops};
use imageproc::drawing::{draw_text_mut, text_size};

/// A digit in strokes as wide as a pen's, light on dark, as tall as MNIST's are: 20 of 28 parts of the side.
fn digit(digit: u32, side: u32) -> GrayImage {
    let font = FontRef::try_from_slice(dejavu::sans::regular()).unwrap();
    let text = digit.to_string();
    let scale = side as f32 * 20.0 / 28.0 / 0.64;
    let (width, height) = text_size(scale, &font, &text);
    let mut image = GrayImage::new(side, side);
    let (left, top) = ((side - width) as i32 / 2, (side as i32 - height as i32) / 2);
    draw_text_mut(&mut image, Luma([255]), left, top, scale, &font, &text);
    image
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let centred = |v: &[f64]| {
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        v.iter().map(|x| x - mean).collect::<Vec<_>>()
    };
    let (a, b) = (centred(a), centred(b));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

/// The correlation where they are laid on each other best, moved by up to `by` pixels.
fn closest(found: &[f64], expected: &[f64], by: i64) -> f64 {
    let shifted = |dx: i64, dy: i64| -> Vec<f64> {
        let at = |i: i64| found.get((i + dx + 28 * dy) as usize).copied().unwrap_or(0.0);
        (0..784).map(at).collect()
    };
    let shifts = (-by..=by).flat_map(|dx| (-by..=by).map(move |dy| (dx, dy)));
    shifts.map(|(dx, dy)| correlation(&shifted(dx, dy), expected)).fold(0.0, f64::max)
}

#[test]
fn photographs_and_drawings_are_brought_to_what_the_network_knows() {
    let dir = tempfile::tempdir().unwrap();
    for index in 0..10 {
        let ink = digit(index, 300);
        let at = |x: u32, y: u32, left: u32, top: u32| match (x.checked_sub(left), y.checked_sub(top)) {
            (Some(x), Some(y)) if x < 300 && y < 300 => f32::from(ink.get_pixel(x, y).0[0]) / 255.0,
            _ => 0.0,
        };
        let noise = |x: u32, y: u32| ((x * 7919 + y * 104_729) % 31) as f32 - 15.0;
        let dark_on_light = GrayImage::from_fn(400, 600, |x, y| Luma([(255.0 - 220.0 * at(x, y, 90, 280)) as u8]));
        let light_on_dark = GrayImage::from_fn(640, 480, |x, y| Luma([(20.0 + 200.0 * at(x, y, 300, 20)) as u8]));
        let photo = GrayImage::from_fn(800, 700, |x, y| {
            let light = 120.0 + 100.0 * (x as f32 / 800.0); // a lamp on the right
            let pen = 0.75 * at(x, y, 60, 350);
            Luma([(light * (1.0 - pen) + noise(x, y)).clamp(0.0, 255.0) as u8])
        });
        let transparent = image::ImageBuffer::from_fn(320, 320, |x, y| LumaA([0u8, (255.0 * at(x, y, 5, 15)) as u8]));
        let read = |name: &str| -> Vec<f64> {
            to_mnist(&open(&dir.path().join(name)).unwrap()).unwrap().into_iter().map(f64::from).collect()
        };
        ink.save(dir.path().join("clean.png")).unwrap();
        let expected = read("clean.png");
        let mass: f64 = expected.iter().sum();
        for (axis, moment) in [("x", (|i| i % 28) as fn(usize) -> usize), ("y", |i| i / 28)] {
            let centre = expected.iter().enumerate().map(|(i, ink)| moment(i) as f64 * ink).sum::<f64>() / mass;
            assert!((centre - 13.5).abs() <= 0.55, "digit {index}: centre of mass along {axis}: {centre}");
        }
        let original = imageops::resize(&ink, 28, 28, imageops::FilterType::Triangle);
        let same = closest(&original.into_raw().into_iter().map(f64::from).collect::<Vec<_>>(), &expected, 3); // its box was centred, not its mass
        assert!(same > 0.8, "digit {index}: {same}");
        dark_on_light.save(dir.path().join("dark.png")).unwrap();
        light_on_dark.save(dir.path().join("light.jpg")).unwrap();
        photo.save(dir.path().join("photo.png")).unwrap();
        transparent.save(dir.path().join("transparent.png")).unwrap();
        for name in ["dark.png", "light.jpg", "photo.png", "transparent.png"] {
            // The centre falls on the one or the other side of a pixel's edge.
            let same = closest(&read(name), &expected, 1);
            assert!(same > 0.9, "digit {index} as {name}: {same}");
        }
    }
}

/// A digit on a page of 480x640 pixels, changed by `paint`: grey before, x, y.
fn page(index: u32, paint: impl Fn(f32, u32, u32) -> f32) -> DynamicImage {
    let ink = digit(index, 200);
    DynamicImage::from(GrayImage::from_fn(480, 640, |x, y| {
        let inked = match (x.checked_sub(140), y.checked_sub(220)) {
            (Some(x), Some(y)) if x < 200 && y < 200 => f32::from(ink.get_pixel(x, y).0[0]) / 255.0,
            _ => 0.0,
        };
        Luma([paint(230.0 - 180.0 * inked, x, y).clamp(0.0, 255.0) as u8])
    }))
}

/// What becomes of a page's grey at x, y.
type Paint = fn(f32, u32, u32) -> f32;

#[test]
fn what_surrounds_a_digit_is_left_out() {
    let grounds: [(&str, Paint); 6] = [
        ("a sheet on a table", |grey, x, y| if (60..430).contains(&x) && (90..540).contains(&y) { grey } else { 50.0 }),
        ("a page's edge", |grey, x, y| if x + y / 9 < 420 { grey } else { 70.0 }),
        ("printed text", |grey, x, y| {
            let letter = (30..450).contains(&x) && (30..120).contains(&y) && x % 11 < 6 && y % 22 < 10;
            if letter { 40.0 } else { grey }
        }),
        ("ruled paper", |grey, _, y| if y % 40 < 2 { grey.min(150.0) } else { grey }),
        ("a shadow's edge", |grey, x, y| if x + y / 4 < 330 { grey } else { 0.5 * grey }),
        ("a whiteboard's glare", |grey, x, y| {
            let far = (x as f32 - 300.0).powi(2) + (y as f32 - 250.0).powi(2);
            grey + (255.0 - grey) * 0.8 * (-far / 8000.0).exp()
        }),
    ];
    for index in 0..10 {
        let read =
            |paint: Paint| -> Vec<f64> { to_mnist(&page(index, paint)).unwrap().into_iter().map(f64::from).collect() };
        let expected = read(|grey, _, _| grey);
        for (name, paint) in grounds {
            let same = correlation(&read(paint), &expected);
            assert!(same > 0.8, "digit {index} with {name}: {same}");
        }
    }
}

#[test]
fn a_digit_that_a_deep_shadow_cuts_is_read_whole() {
    let foot: Paint = |grey, x, y| if x / 4 + y < 420 { grey } else { 0.4 * grey };
    let pale_on_a_dark_table: Paint = |grey, x, y| {
        let sheet = (60..430).contains(&x) && (90..540).contains(&y);
        let shade = if x + y / 4 < 200 { 1.0 } else { 0.6 };
        if sheet { shade * (230.0 - 0.6 * (230.0 - grey)) } else { 30.0 }
    };
    for (name, paint, digits) in [
        ("its foot", foot, &[0, 1, 5, 6, 8, 9][..]),
        ("most of a sheet on a dark table", pale_on_a_dark_table, &[0, 1, 3, 7, 9]),
    ] {
        for &index in digits {
            let read =
                |page: DynamicImage| -> Vec<f64> { to_mnist(&page).unwrap().into_iter().map(f64::from).collect() };
            let same = correlation(&read(page(index, paint)), &read(page(index, |grey, _, _| grey)));
            assert!(same > 0.8, "digit {index}, a shadow over {name}: {same}");
        }
    }
}

#[test]
fn a_light_digit_without_a_sharp_edge_is_found() {
    for index in 0..10 {
        let coarse = imageops::resize(&digit(index, 280), 8, 8, imageops::FilterType::Triangle);
        let soft = imageops::resize(&coarse, 280, 280, imageops::FilterType::CatmullRom);
        if let Err(error) = to_mnist(&soft.into()) {
            panic!("digit {index}: {error}");
        }
    }
}

#[test]
fn a_speck_that_is_half_as_dark_as_the_digit_beside_it_is_no_part_of_it() {
    for index in 0..10 {
        let read = |page: DynamicImage| -> Vec<f64> { to_mnist(&page).unwrap().into_iter().map(f64::from).collect() };
        let blank = page(index, |grey, _, _| grey).to_luma8();
        let right = blank.enumerate_pixels().filter(|(.., grey)| grey.0[0] < 200).map(|(x, ..)| x).max().unwrap();
        let left = right + 10;
        let page = |speck: f32| {
            page(index, move |grey, x, y| {
                let speckled = (left..left + 24).contains(&x) && (300..324).contains(&y);
                if speckled { grey - speck } else { grey }
            })
        };
        let same = closest(&read(page(80.0)), &read(page(0.0)), 1); // the centre may fall on a pixel's other side
        assert!(same > 0.99, "digit {index}: {same}");
    }
}
