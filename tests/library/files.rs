//! Whatever bytes a file holds: a data set or an error, never a panic.

use cnn_tutorial::data;
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::fs;
use std::io::Write;

/// A change to a file: at a place, given as a fraction of its length, some bytes are replaced by others.
fn changes() -> impl Strategy<Value = Vec<(f64, usize, Vec<u8>)>> {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..9),
        prop::collection::vec(prop::sample::select(b",;\t\"\r\n0129-. ".to_vec()), 0..9),
        Just(b"99999999999999999999".to_vec()),
    ];
    prop::collection::vec((0.0..=1.0, 0..2000usize, bytes), 0..4)
}

fn change(mut file: Vec<u8>, changes: &[(f64, usize, Vec<u8>)]) -> Vec<u8> {
    for (place, length, bytes) in changes {
        let start = (place * file.len() as f64) as usize;
        let length = if length % 2 == 0 { bytes.len() } else { *length }; // as often in place as not
        let end = (start + length).min(file.len());
        file.splice(start..end, bytes.iter().copied());
    }
    file
}

fn zip(file: Vec<u8>, zipped: bool) -> Vec<u8> {
    if !zipped {
        return file;
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&file).unwrap();
    encoder.finish().unwrap()
}

/// A CSV in one of the layouts that are read.
fn csv(layout: usize) -> Vec<u8> {
    let name = |i: usize| match layout {
        0 => format!("pixel{i}"),
        1 => format!("pixel{}", i + 1),
        _ => format!("{}x{}", i / 28 + 1, i % 28 + 1),
    };
    let row = |label: String, pixel: &dyn Fn(usize) -> String| {
        let pixels: Vec<String> = (0..784).map(pixel).collect();
        if layout == 1 { format!("{},{label}\n", pixels.join(",")) } else { format!("{label},{}\n", pixels.join(",")) }
    };
    let mut text = if layout < 3 { row("label".into(), &name) } else { String::new() };
    for label in 0..4 {
        text += &row(label.to_string(), &|i| ((label * 31 + i) % 256).to_string());
    }
    text.into_bytes()
}

fn idx(dimensions: &[u32], length: usize) -> Vec<u8> {
    let head = [0, 0, 8, dimensions.len() as u8];
    let dimensions = dimensions.iter().flat_map(|dimension| dimension.to_be_bytes());
    head.into_iter().chain(dimensions).chain((0..length).map(|i| (i % 10) as u8)).collect()
}

fn assert_consistent(result: anyhow::Result<data::Dataset>, image_size: [i64; 3]) {
    match result {
        Ok(dataset) => {
            assert_eq!((dataset.images.size()[0], dataset.image_size().unwrap()), (dataset.len(), image_size));
            assert_eq!(dataset.classes.len(), 10);
            let labels = Vec::<i64>::try_from(&dataset.labels).unwrap();
            assert!(!labels.is_empty() && labels.iter().all(|label| (0..10).contains(label)));
        }
        Err(error) => assert!(format!("{error:#}").len() < 1000, "{error:#}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_csv_gives_a_data_set_or_an_error(layout in 0..4usize, changes in changes(), zipped: bool, after in changes()) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("train.csv");
        fs::write(&path, change(zip(change(csv(layout), &changes), zipped), if zipped { &after } else { &[] })).unwrap();
        assert_consistent(data::read_csv(&path), [1, 28, 28]);
        if let Ok((images, _)) = data::read_unlabelled_csv(&path) {
            assert_eq!(images.size()[1..], [1, 28, 28]);
        }
    }

    #[test]
    fn any_idx_files_give_a_data_set_or_an_error(
        images in changes(), labels in changes(), zipped: bool, after in changes()
    ) {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, file: Vec<u8>, changes: &[_]| {
            let file = change(zip(change(file, changes), zipped), if zipped { &after } else { &[] });
            fs::write(dir.path().join(name), file).unwrap();
        };
        write("train-images-idx3-ubyte", idx(&[4, 28, 28], 4 * 784), &images);
        write("train-labels-idx1-ubyte", idx(&[4], 4), &labels);
        assert_consistent(data::read_mnist_train(dir.path()), [1, 28, 28]);
    }
    #[test]
    fn any_cifar_10_files_give_a_data_set_or_an_error(
        images in changes(), names in changes(), zipped: bool, after in changes()
    ) {
        let dir = tempfile::tempdir().unwrap();
        let batch = [[3; 3073], [9; 3073]].concat();
        let batch = change(zip(change(batch, &images), zipped), if zipped { &after } else { &[] });
        fs::write(dir.path().join("data_batch_1.bin"), batch).unwrap();
        let text = "a\nb\nc\nd\ne\nf\ng\nh\ni\nred circle\n\n";
        fs::write(dir.path().join("batches.meta.txt"), change(text.into(), &names)).unwrap();
        assert_consistent(data::read_cifar10_train(dir.path()), [3, 32, 32]);
    }
}
