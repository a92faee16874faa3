//! What is drawn or lies beside a digit, and what is missing there.

use super::{closest, digit, page};
use crate::to_mnist;
use image::{DynamicImage, GrayImage, Luma, imageops};

fn read(page: &DynamicImage) -> Vec<f64> {
    to_mnist(page).unwrap_or_else(|error| panic!("{error:#}")).into_iter().map(f64::from).collect()
}

fn refusal(page: &DynamicImage) -> String {
    to_mnist(page).err().map(|error| format!("{error:#}")).unwrap_or_default()
}

/// A digit with nothing around it, dark on 230.
fn cut_out(index: u32, side: u32) -> GrayImage {
    let ink = digit(index, side);
    let inked: Vec<(u32, u32)> =
        ink.enumerate_pixels().filter(|(.., ink)| ink.0[0] > 100).map(|(x, y, _)| (x, y)).collect();
    let left = inked.iter().map(|at| at.0).min().unwrap();
    let top = inked.iter().map(|at| at.1).min().unwrap();
    let (right, bottom) = inked.iter().fold((0, 0), |(right, bottom), at| (at.0.max(right), at.1.max(bottom)));
    let ink = imageops::crop_imm(&ink, left, top, right - left + 1, bottom - top + 1).to_image();
    GrayImage::from_fn(ink.width(), ink.height(), |x, y| {
        Luma([230 - (f32::from(ink.get_pixel(x, y).0[0]) * 0.7) as u8])
    })
}

#[test]
fn a_frame_is_no_part_of_the_digit_inside() {
    let from = |x: u32, y: u32| (x as f32 - 240.0, y as f32 - 320.0);
    let ring = move |x, y| (130.0..138.0).contains(&from(x, y).0.hypot(from(x, y).1));
    let far = move |x, y| from(x, y).0.abs().max(from(x, y).1.abs());
    for index in 0..10 {
        let bare = read(&page(index, |grey, _, _| grey));
        let framed = |is_frame: &dyn Fn(u32, u32) -> bool| {
            read(&page(index, |grey, x, y| if is_frame(x, y) { 50.0 } else { grey }))
        };
        for (name, read) in [
            ("a ring", framed(&ring)),
            ("a ring that does not close", framed(&|x, y| ring(x, y) && !(x > 240 && (300..330).contains(&y)))),
            ("a box", framed(&|x, y| (96.0..102.0).contains(&far(x, y)))),
            ("two boxes", framed(&|x, y| (96.0..102.0).contains(&far(x, y)) || (120.0..134.0).contains(&far(x, y)))),
        ] {
            let same = closest(&read, &bare, 1);
            assert!(same > 0.8, "digit {index} in {name}: {same}");
        }
    }
}

#[test]
fn the_hole_of_a_thick_digit_is_not_the_digit() {
    for (wide, high) in [(150.0, 190.0), (170.0, 230.0), (190.0, 270.0)] {
        let from_middle =
            |x: u32, y: u32, wide: f32, high: f32| ((x as f32 - 240.0) / wide).hypot((y as f32 - 320.0) / high);
        let zero = GrayImage::from_fn(480, 640, |x, y| {
            let inked = from_middle(x, y, wide, high) < 1.0 && from_middle(x, y, wide * 0.3, high * 0.45) > 1.0;
            Luma([if inked { 50 } else { 230 }])
        });
        let read = read(&zero.into());
        assert!(read[14 * 28 + 14] < 30.0 && read[14 * 28 + 8] > 200.0, "{wide}x{high}: {read:?}");
    }
}

#[test]
fn a_light_digit_on_a_dark_plate_is_no_hole() {
    for index in [2, 3, 5, 7] {
        let on_plate = |x: u32, y: u32| ((x as f32 - 240.0) / 210.0).hypot((y as f32 - 320.0) / 240.0) < 1.0;
        let plate = page(index, |grey, x, y| if on_plate(x, y) { 280.0 - grey } else { 230.0 });
        let same = closest(&read(&plate), &read(&page(index, |grey, _, _| grey)), 1);
        assert!(same > 0.8, "digit {index}: {same}");
    }
}

#[test]
fn two_digits_that_nearly_touch_are_refused_as_two() {
    for (left, right) in [(0, 2), (9, 8), (1, 1), (3, 4), (7, 5), (6, 0)] {
        let (left_digit, right_digit) = (cut_out(left, 200), cut_out(right, 200));
        for gap in [4, 10, 16] {
            let mut both = GrayImage::from_pixel(480, 640, Luma([230]));
            imageops::replace(&mut both, &left_digit, 100, 240);
            imageops::replace(&mut both, &right_digit, i64::from(100 + left_digit.width() + gap), 240);
            let error = refusal(&both.into());
            assert!(error.contains("two digits or more were found"), "{left}{right}, {gap} pixels apart: {error:?}");
        }
    }
}

#[test]
fn the_strokes_of_one_digit_that_do_not_meet_are_no_two_digits() {
    type Stroke = [u32; 4]; // left, top, right, bottom
    let four: [Stroke; 3] = [[180, 230, 194, 330], [180, 316, 262, 330], [268, 270, 282, 400]];
    let five: [Stroke; 5] =
        [[190, 230, 204, 310], [190, 300, 270, 314], [256, 300, 270, 400], [180, 386, 270, 400], [212, 226, 280, 240]];
    for strokes in [&four[..], &five] {
        let paper = GrayImage::from_fn(480, 640, |x, y| {
            let inked = |&[left, top, right, bottom]: &Stroke| (left..right).contains(&x) && (top..bottom).contains(&y);
            Luma([if strokes.iter().any(inked) { 50 } else { 230 }])
        });
        assert_eq!(refusal(&paper.into()), "", "{strokes:?}");
    }
}

#[test]
fn a_digit_on_coarse_paper_is_no_face() {
    for index in 0..10 {
        let coarse = page(index, |grey, x, y| {
            let grain = ((x / 2).wrapping_mul(7919) ^ (y / 2).wrapping_mul(104_729)).wrapping_mul(2_654_435_761) >> 24;
            90.0 + 0.5 * (grey - 90.0) + 0.3 * (grain as f32 - 127.0)
        });
        let same = closest(&read(&coarse), &read(&page(index, |grey, _, _| grey)), 1);
        assert!(same > 0.6, "digit {index}: {same}");
    }
}

#[test]
fn a_digit_that_fills_its_picture_is_read_and_else_said_to_touch_the_border() {
    for index in 0..10 {
        let bare = read(&page(index, |grey, _, _| grey));
        for tight in [cut_out(index, 400), cut_out(index, 300)] {
            let mut light = tight.clone();
            imageops::invert(&mut light);
            for picture in [tight, light] {
                let (width, height) = picture.dimensions();
                let error = refusal(&picture.clone().into());
                assert_eq!(error, "", "digit {index}, {width}x{height}");
                let same = closest(&read(&picture.into()), &bare, 1);
                assert!(same > 0.8, "digit {index}: {same}");
            }
        }
        let uneven = cut_out(index, 400);
        let width = uneven.width();
        let uneven = GrayImage::from_fn(width, uneven.height(), |x, y| {
            Luma([(f32::from(uneven.get_pixel(x, y).0[0]) * (1.0 - 0.8 * x as f32 / width as f32)) as u8])
        });
        let error = refusal(&uneven.into());
        assert!(error.is_empty() || error.contains("touches the border of the picture"), "digit {index}: {error}");
    }
}
