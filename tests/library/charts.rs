//! The charts: where their labels stand, and that no history makes them fail.

use cnn_tutorial::figures::canvas::{BLACK, Canvas, WHITE};
use cnn_tutorial::plots::{BLUE, line_chart, ticks};
use image::GrayImage;
use proptest::prelude::*;
use std::ops::Range;

fn chart(iterations: &[f64], values: &[f64]) -> GrayImage {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chart.png");
    line_chart(&path, "A title", "Accuracy (%)", BLUE, iterations, values).unwrap();
    image::open(path).unwrap().into_luma8()
}

/// The first and the last of some columns in which a chart is dark, over some rows.
fn extent(chart: &GrayImage, columns: Range<u32>, rows: Range<u32>) -> (u32, u32) {
    let mut dark = columns.filter(|&x| rows.clone().any(|y| chart.get_pixel(x, y).0[0] < 128));
    let first = dark.next().expect("something is drawn");
    (first, dark.next_back().unwrap_or(first))
}

/// The middles of what is drawn, part by part with white between them.
fn middles(dark: impl Iterator<Item = bool>) -> Vec<f64> {
    let (mut middles, mut start) = (Vec::new(), None);
    for (i, dark) in dark.chain([false]).enumerate() {
        match (dark, start) {
            (true, None) => start = Some(i),
            (false, Some(first)) => {
                middles.push((first + i - 1) as f64 / 2.0);
                start = None;
            }
            _ => {}
        }
    }
    middles
}

#[test]
fn the_title_is_centred_over_the_axes_with_room_around_all_text() {
    let chart = chart(&[50.0, 100.0, 150.0], &[0.9, 0.4, 0.3]);
    let (left, right) = extent(&chart, 100..1279, 300..301); // the axes, at a height without a tick
    let title = extent(&chart, 0..1280, 40..100);
    assert!((title.0 + title.1).abs_diff(left + right) <= 4, "title {title:?}, axes {left} to {right}");
    for edge in [0..20, 1260..1280] {
        assert!(edge.clone().all(|x| (0..960).all(|y| chart.get_pixel(x, y).0[0] == 255)), "columns {edge:?}");
    }
    for edge in [0..20, 940..960] {
        assert!(edge.clone().all(|y| (0..1280).all(|x| chart.get_pixel(x, y).0[0] == 255)), "rows {edge:?}");
    }
}

#[test]
fn the_line_goes_through_the_values_at_their_iterations() {
    // The middle of the line in a column between the axes.
    let height = |chart: &GrayImage, x: u32| {
        let line: Vec<_> = (115..835).filter(|&y| chart.get_pixel(x, y).0[0] < 200).collect();
        line.iter().sum::<u32>() / u32::try_from(line.len()).unwrap()
    };
    let rising = chart(&[0.0, 100.0], &[0.0, 10.0]);
    assert!(height(&rising, 400) > height(&rising, 1000) + 300, "upwards is less");
    let early = chart(&[0.0, 10.0, 100.0], &[0.0, 10.0, 10.0]);
    let [at_400, at_1000] = [400, 1000].map(|x| height(&early, x));
    assert!(at_400 == at_1000 && at_400 < 200, "it has risen after a tenth of the way: {at_400}, {at_1000}");
}

#[test]
fn every_label_stands_at_its_tick() {
    let chart = chart(&[100.0, 2400.0], &[0.0, 88.0]);
    let (left, right) = extent(&chart, 100..1279, 300..301);
    let bottom = (400..900).rev().find(|&y| chart.get_pixel(left + 20, y).0[0] < 128).unwrap();
    let dark = |columns: Range<u32>, rows: Range<u32>| {
        columns.clone().any(|x| rows.clone().any(|y| chart.get_pixel(x, y).0[0] < 128))
    };
    let marks = middles((0..960).map(|y| dark(left - 6..left - 5, y..y + 1)));
    let labels = middles((0..bottom + 20).map(|y| dark(left - 60..left - 14, y..y + 1)));
    assert_eq!(marks.len(), 5, "0, 20, 40, 60, 80: {marks:?}");
    assert_eq!(labels.len(), 5, "{labels:?}");
    for (mark, label) in marks.iter().zip(&labels) {
        assert!((mark - label).abs() <= 1.5, "a label at {label}, its tick at {mark}");
    }
    let below = |rows: Range<u32>| (0..1280u32).map(move |x| (x, rows.clone()));
    let marks = middles(below(bottom + 5..bottom + 6).map(|(x, rows)| dark(x..x + 1, rows)));
    // Digits of one label are less than 12 pixels apart.
    let columns: Vec<bool> = below(bottom + 16..bottom + 48).map(|(x, rows)| dark(x..x + 1, rows)).collect();
    let joined = (0..1280usize).map(|x| {
        columns[x] || (columns[x.saturating_sub(6)..x].contains(&true) && columns[x..(x + 6).min(1280)].contains(&true))
    });
    let labels = middles(joined);
    assert_eq!(marks.len(), labels.len(), "{marks:?} {labels:?}, axes to {right}");
    for (mark, label) in marks.iter().zip(&labels) {
        assert!((mark - label).abs() <= 3.0, "a label at {label}, its tick at {mark}");
    }
}

#[test]
fn iterations_are_whole_however_few_and_numbers_are_round() {
    let labels = |range: Range<f64>, whole| ticks(&range, whole).into_iter().map(|tick| tick.1).collect::<Vec<_>>();
    assert_eq!(labels(0.9..3.1, true), ["1", "2", "3"]);
    assert_eq!(labels(0.95..1.05, true), ["1"]);
    assert_eq!(labels(-67.5..2517.5, true), ["0", "500", "1000", "1500", "2000", "2500"]);
    assert_eq!(labels(2.0..4.1, false), ["2.00", "2.25", "2.50", "2.75", "3.00", "3.25", "3.50", "3.75", "4.00"]);
    assert_eq!(labels(94.7..97.1, false), ["95.0", "95.5", "96.0", "96.5", "97.0"]);
    assert_eq!(labels(0.0..9e30, false)[1], "1.0e30");
}

#[test]
fn small_letters_stand_at_even_distances() {
    let dir = tempfile::tempdir().unwrap();
    let mut canvas = Canvas::new(80.0, 20.0, WHITE).unwrap();
    canvas.text("llilliilil", 12.0, (10.0, 10.0), 0.0, BLACK);
    canvas.save(&dir.path().join("text.png")).unwrap();
    let text = image::open(dir.path().join("text.png")).unwrap().into_luma8();
    let ink: Vec<f64> = (0..80).map(|x| (8..14).map(|y| 255.0 - f64::from(text.get_pixel(x, y).0[0])).sum()).collect();
    // The letters are 12 * 0.278 pixels wide.
    let middle = |letter: usize| {
        let columns = (10.0 + 3.336 * letter as f64 - 0.3).round() as usize
            ..(10.0 + 3.336 * (letter + 1) as f64 + 0.3).round() as usize;
        let total: f64 = ink[columns.clone()].iter().sum();
        columns.map(|x| ink[x] * (x as f64 + 0.5)).sum::<f64>() / total
    };
    for letter in 0..9 {
        let distance = middle(letter + 1) - middle(letter);
        assert!((distance - 3.336).abs() < 0.4, "letter {letter}: {distance}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_gives_a_chart(points in prop::collection::vec((any::<f64>(), any::<f64>()), 0..6)) {
        let special = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, -f64::MAX, f64::MIN_POSITIVE, 5e-324, 0.0];
        let (xs, ys): (Vec<f64>, Vec<f64>) = points.into_iter().unzip();
        chart(&xs, &ys);
        chart(&special, &special);
        chart(&xs, &special);
    }
}
