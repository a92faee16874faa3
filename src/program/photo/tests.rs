//! Photographs and drawings of the embedded digits.

use super::read_photo;
use crate::program::data::Source;
use image::{GrayImage, Luma, LumaA, imageops};

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let centred = |v: &[f64]| {
        let mean = v.iter().sum::<f64>() / v.len() as f64;
        v.iter().map(|x| x - mean).collect::<Vec<_>>()
    };
    let (a, b) = (centred(a), centred(b));
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

#[test]
fn photographs_and_drawings_are_brought_to_what_the_network_knows() {
    let dir = tempfile::tempdir().unwrap();
    let digits = Source::Digits.load().unwrap();
    for index in 0..20 {
        let pixels: Vec<u8> = digits.images.get(index).flatten(0, -1).try_into().unwrap();
        let digit = GrayImage::from_vec(28, 28, pixels.clone()).unwrap();
        let ink = imageops::resize(&digit, 300, 300, imageops::FilterType::CatmullRom);
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
            read_photo(&dir.path().join(name)).unwrap().into_iter().map(f64::from).collect()
        };
        ink.save(dir.path().join("clean.png")).unwrap();
        let expected = read("clean.png");
        let mass: f64 = expected.iter().sum();
        for (axis, moment) in [("x", (|i| i % 28) as fn(usize) -> usize), ("y", |i| i / 28)] {
            let centre = expected.iter().enumerate().map(|(i, ink)| moment(i) as f64 * ink).sum::<f64>() / mass;
            assert!((centre - 13.5).abs() <= 0.55, "digit {index}: centre of mass along {axis}: {centre}");
        }
        let original: Vec<f64> = pixels.into_iter().map(f64::from).collect();
        assert!(correlation(&expected, &original) > 0.6, "digit {index}: {}", correlation(&expected, &original));
        dark_on_light.save(dir.path().join("dark.png")).unwrap();
        light_on_dark.save(dir.path().join("light.jpg")).unwrap();
        photo.save(dir.path().join("photo.png")).unwrap();
        transparent.save(dir.path().join("transparent.png")).unwrap();
        for name in ["dark.png", "light.jpg", "photo.png", "transparent.png"] {
            // The centre falls on the one or the other side of a pixel's edge: a pixel more or less is the same.
            let found = read(name);
            let shifted = |dx: i64, dy: i64| -> Vec<f64> {
                let at = |i: i64| found.get((i + dx + 28 * dy) as usize).copied().unwrap_or(0.0);
                (0..784).map(at).collect()
            };
            let shifts = (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (dx, dy)));
            let same = shifts.map(|(dx, dy)| correlation(&shifted(dx, dy), &expected)).fold(0.0, f64::max);
            assert!(same > 0.9, "digit {index} as {name}: {same}");
        }
    }
}
