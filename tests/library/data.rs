//! The readers, the split and the loader's order, and what bad files get.

use cnn_tutorial::data::{self, DataLoader, Dataset, split_indices};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tch::Tensor;

fn checksum(indices: &[i64]) -> i64 {
    indices.iter().zip(1..).map(|(index, position)| index * position).sum()
}

fn numbers(value: &serde_json::Value) -> Vec<i64> {
    value.as_array().unwrap().iter().map(|number| number.as_i64().unwrap()).collect()
}

fn indices(key: &str) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(crate::common::fixtures().0.join("indices.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json[key].as_array().unwrap().clone()
}

#[test]
fn the_split_is_scikit_learns_index_for_index() {
    for case in indices("split") {
        let (n, random_state) = (case["n"].as_u64().unwrap(), case["random_state"].as_u64().unwrap());
        let (train, test) =
            split_indices(n as usize, case["test_size"].as_f64().unwrap(), random_state as u32).unwrap();
        for (name, found) in [("train", train), ("test", test)] {
            let expected = numbers(&case[name]);
            assert_eq!(found[..expected.len()], expected, "{name} of {case}");
            assert_eq!(checksum(&found), case[format!("{name}_checksum")], "all of {name} of {case}");
        }
    }
}

#[test]
fn a_split_that_leaves_nothing_to_train_on_is_refused() {
    let error = split_indices(1, 0.2, 1212).unwrap_err().to_string();
    assert!(error.contains("1 images with a test_size of 0.2"), "{error}");
    assert!(split_indices(0, 0.2, 1212).is_err());
}

#[test]
fn the_shuffled_order_is_randperm_of_the_drawn_seed() {
    for case in indices("randperm") {
        let found = data::randperm(case["n"].as_i64().unwrap(), case["seed"].as_i64().unwrap());
        let expected = numbers(&case["order"]);
        assert_eq!(found[..expected.len()], expected, "{case}");
        assert_eq!(checksum(&found), case["checksum"], "{case}");
    }
}

/// A Kaggle CSV with a row of pixels `label, label + 1, ...` for each label.
fn csv(labels: &[u8]) -> String {
    let header = (0..784).map(|i| format!(",pixel{i}")).collect::<String>();
    let row = |&label: &u8| {
        format!("{label}{}\n", (0..784).map(|i| format!(",{}", (usize::from(label) + i) % 256)).collect::<String>())
    };
    format!("label{header}\n{}", labels.iter().map(row).collect::<String>())
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn idx(dimensions: &[u32], bytes: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, 8, dimensions.len() as u8];
    file.extend(dimensions.iter().flat_map(|dimension| dimension.to_be_bytes()));
    file.extend(bytes);
    file
}

fn pixels(label: u8) -> Vec<u8> {
    (0..784).map(|i| ((usize::from(label) + i) % 256) as u8).collect()
}

/// A folder with a training set of the given files, images and labels.
fn mnist_dir(images: &[u8], labels: &[u8]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("train-images-idx3-ubyte"), images).unwrap();
    fs::write(dir.path().join("train-labels-idx1-ubyte"), labels).unwrap();
    dir
}

fn two_images() -> (Vec<u8>, Vec<u8>) {
    (idx(&[2, 28, 28], &[pixels(3), pixels(9)].concat()), idx(&[2], &[3, 9]))
}

fn assert_holds_3_and_9(dataset: &Dataset) {
    assert_eq!(dataset.images.size(), [2, 1, 28, 28]);
    assert_eq!(dataset.images.kind(), tch::Kind::Uint8);
    assert!(dataset.labels.equal(&Tensor::from_slice(&[3i64, 9])));
    assert!(dataset.images.flatten(0, -1).equal(&Tensor::from_slice(&[pixels(3), pixels(9)].concat())));
}

#[test]
fn a_csv_is_read_plain_and_gzipped_whatever_it_is_called() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("train.csv");
    fs::write(&path, csv(&[3, 9])).unwrap();
    assert_holds_3_and_9(&data::read_csv(&path).unwrap());
    fs::write(&path, gzip(csv(&[3, 9]).as_bytes())).unwrap();
    assert_holds_3_and_9(&data::read_csv(&path).unwrap());
}

#[test]
fn a_csv_is_read_as_spreadsheets_write_it() {
    let plain = csv(&[3, 9]);
    let quoted = plain.replace('\n', "\"\n\"").replace(',', "\",\"");
    let quoted = format!("\"{}", quoted.strip_suffix('"').unwrap());
    let reversed: String = plain.lines().map(|row| row.rsplit(',').collect::<Vec<_>>().join(",") + "\n").collect();
    let (header, rows) = plain.split_once('\n').unwrap();
    let floats = format!("{header}\n{}", rows.replace(',', ".0,").replace('\n', ".0\n"));
    let indexed: String = plain.lines().enumerate().map(|(i, row)| format!("{},{row}\n", i as f64 - 1.0)).collect();
    let indexed = indexed.replacen("-1,", ",", 1);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("train.csv");
    for (content, what) in [
        (plain.replace('\n', "\r\n"), "CRLF"),
        (format!("\u{feff}{plain}"), "a byte order mark"),
        (format!("{plain}\n\r\n\n"), "blank last lines"),
        (plain.trim_end().to_owned(), "no end of the last line"),
        (plain.replace(',', ";"), "semicolons"),
        (plain.replace(',', "\t"), "tabs"),
        (quoted.clone(), "quoted fields"),
        (format!("\u{feff}{}\r\n", quoted.replace(',', ";").replace('\n', "\r\n")), "all of a German Excel's"),
        (reversed, "columns in the reverse order"),
        (plain.replace('\n', "\r"), "carriage returns alone"),
        (plain.replacen("label", "Label", 1).replace("pixel", "Pixel"), "capitals"),
        (floats, "whole numbers as floats"),
        (indexed, "pandas' index"),
    ] {
        fs::write(&path, content).unwrap();
        match data::read_csv(&path) {
            Ok(dataset) => assert_holds_3_and_9(&dataset),
            Err(error) => panic!("{what}: {error:#}"),
        }
    }
    for (mark, bytes) in [([0xff, 0xfe], u16::to_le_bytes as fn(u16) -> [u8; 2]), ([0xfe, 0xff], u16::to_be_bytes)] {
        let utf16: Vec<u8> = mark.into_iter().chain(plain.encode_utf16().flat_map(bytes)).collect();
        fs::write(&path, utf16).unwrap();
        assert_holds_3_and_9(&data::read_csv(&path).unwrap());
    }
}

#[test]
fn a_long_csv_is_read_in_order_and_an_error_in_it_names_its_line() {
    // More than one block, and several parts of each.
    let labels: Vec<u8> = (0..9000).map(|i| (i * 7 % 10) as u8).collect();
    let text = csv(&labels);
    assert!(text.len() > 17 << 20);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("long.csv");
    fs::write(&path, &text).unwrap();
    let dataset = data::read_csv(&path).unwrap();
    assert_eq!(Vec::<i64>::try_from(&dataset.labels).unwrap(), labels.iter().map(|&l| l.into()).collect::<Vec<i64>>());
    let first = Vec::<i64>::try_from(dataset.images.select(3, 0).select(2, 0).select(1, 0)).unwrap();
    assert_eq!(first, labels.iter().map(|&l| l.into()).collect::<Vec<i64>>(), "each image is with its label");
    let starts: Vec<usize> = text.match_indices('\n').map(|(i, _)| i + 1).collect();
    for line in [2, 4321, 8999, 9001] {
        let mut bad = text.clone();
        bad.replace_range(starts[line - 2]..starts[line - 2] + 1, "x");
        fs::write(&path, &bad).unwrap();
        assert_refused(data::read_csv(&path), &[&format!("long.csv, line {line}, column label"), "found 'x'"]);
    }
}

#[test]
fn a_gzipped_csv_is_read_however_well_it_shrinks() {
    let row = "0".to_owned() + &",0".repeat(784) + "\n";
    let zeros = gzip((csv(&[]) + &row.repeat(2000)).as_bytes());
    assert!(zeros.len() < 20_000, "3 MB in {} bytes", zeros.len());
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("zeros.csv.gz"), zeros).unwrap();
    assert_eq!(data::read_csv(dir.path().join("zeros.csv.gz")).unwrap().len(), 2000);
}

#[test]
fn no_more_is_read_of_a_file_than_its_header_and_its_labels_promise() {
    let (_, labels) = two_images();
    let images = gzip(&idx(&[2, 28, 28], &vec![0; 784 << 17])); // 100 MB in 100 kB
    assert_refused(
        data::read_mnist_train(mnist_dir(&images, &labels).path()),
        &["train-images-idx3-ubyte", "1568 bytes, found more"],
    );
    refused_csv(csv(&[]) + &"1".repeat(2 << 20), &["line 2", "expected 785 columns, found 1"]);
    refused_csv("x".repeat(20 << 20), &["line 1"]);
}

#[test]
fn idx_files_are_read_plain_and_gzipped_under_each_of_their_names() {
    let (images, labels) = two_images();
    assert_holds_3_and_9(&data::read_mnist_train(mnist_dir(&images, &labels).path()).unwrap());
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("t10k-images-idx3-ubyte.gz"), gzip(&images)).unwrap();
    fs::write(dir.path().join("t10k-labels.idx1-ubyte"), &labels).unwrap();
    assert_holds_3_and_9(&data::read_mnist_test(dir.path()).unwrap());
}

#[test]
fn the_embedded_digits_are_scikit_learns_1797() {
    let digits = crate::common::digits();
    assert_eq!(digits.images.size(), [1797, 1, 28, 28]);
    let counts: Vec<i64> = digits.labels.bincount::<Tensor>(None, 10).try_into().unwrap();
    assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]); // load_digits().target
    let border =
        digits.images.sum(tch::Kind::Int64) - digits.images.narrow(2, 4, 20).narrow(3, 4, 20).sum(tch::Kind::Int64);
    assert_eq!(i64::try_from(border).unwrap(), 0, "20x20 in the middle");
    assert_eq!(i64::try_from(digits.images.max()).unwrap(), 255);
}

#[track_caller]
fn assert_refused(result: anyhow::Result<Dataset>, words: &[&str]) {
    let error = format!("{:#}", result.map(|dataset| dataset.len()).unwrap_err());
    for word in words {
        assert!(error.contains(word), "expected '{word}' in: {error}");
    }
}

fn refused_csv(content: impl AsRef<[u8]>, words: &[&str]) {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("bad.csv");
    fs::write(&path, content).unwrap();
    assert_refused(data::read_csv(&path), &[&["bad.csv"], words].concat());
}

#[test]
fn a_bad_csv_is_refused_with_its_name_the_place_and_what_was_expected_and_found() {
    let good = csv(&[3, 9]);
    refused_csv("", &["is empty", "label,pixel0"]);
    refused_csv(good.lines().next().unwrap(), &["no images"]);
    refused_csv(good.replacen("label,", "", 1), &["no column 'label'", "train.csv"]);
    refused_csv(good.replacen("label", "digit", 1), &["line 1", "column 1", "'digit'"]);
    refused_csv(good.replacen("pixel7,", "pixel8,", 1), &["line 1", "column 10", "each once", "'pixel8'"]);
    refused_csv(good.replacen(",pixel783", "", 1), &["line 1", "expected 785 columns", "found 784"]);
    refused_csv(good.trim_end().rsplit_once(',').unwrap().0, &["line 3", "expected 785 columns", "found 784"]);
    refused_csv(good.replacen("\n3,3,", "\n3,256,", 1), &["line 2, column pixel0: expected", "0 to 255", "'256'"]);
    refused_csv(good.replacen("\n9,9,10,", "\n9,9,-1,", 1), &["line 3", "column pixel1", "0 to 255", "'-1'"]);
    refused_csv(good.replacen("\n9,9,", "\n9,0.5,", 1), &["line 3", "column pixel0", "'0.5'"]);
    refused_csv(good.replacen("\n9,9,", "\n10,9,", 1), &["line 3", "column label", "0 to 9", "'10'"]);
    refused_csv(good.replacen("\n9,", "\n,", 1), &["line 3", "column label", "''"]);
    refused_csv("<!DOCTYPE html><html>Not Found</html>", &["line 1", "<!DOCTYPE html>"]);
    refused_csv([0xff, 0xfe, 0x00, 0x01], &["line 1"]);
    refused_csv(good.replacen("label,", ",label,", 1), &["line 2: expected 786 columns, found 785"]);
    refused_csv(good.replace('\n', "\n\n").replacen("9,9,10,", "9,9,x,", 1), &["line 5, column pixel1", "'x'"]);
    let gzipped = gzip(good.as_bytes());
    refused_csv(&gzipped[..gzipped.len() / 2], &["cannot be read"]);
}

#[test]
fn a_missing_file_is_refused_with_its_name() {
    assert_refused(data::read_csv(Path::new("no/such/train.csv")), &["no/such/train.csv", "No such file"]);
    let empty = tempfile::tempdir().unwrap();
    assert_refused(
        data::read_mnist_train(empty.path()),
        &["no file train-images-idx3-ubyte", "a folder with the MNIST files"],
    );
}

#[test]
fn bad_idx_files_are_refused_with_their_name_and_what_was_expected_and_found() {
    let (images, labels) = two_images();
    let refused = |images: &[u8], labels: &[u8], words: &[&str]| {
        assert_refused(data::read_mnist_train(mnist_dir(images, labels).path()), words);
    };
    let (image_name, label_name) = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    refused(&images[..1000], &labels, &[image_name, "promises 2 images of 28x28, 1568 bytes, found 984"]);
    refused(&[&images[..], &[0]].concat(), &labels, &[image_name, "1568 bytes, found more"]);
    refused(&images[..7], &labels, &[image_name, "download it again"]);
    refused(b"", &labels, &[image_name, "download it again"]);
    refused(&labels, &labels, &[image_name, "starts with 00000803, found 00000801"]);
    refused(&images, &images, &[label_name, "starts with 00000801, found 00000803"]);
    refused(b"<html>", &labels, &[image_name, "found 3c68746d"]);
    refused(&images, &idx(&[3], &[3, 9, 1]), &["2 images", "3 labels"]);
    refused(&images, &idx(&[2], &[3, 10]), &[label_name, "label 1", "found 10"]);
    refused(&idx(&[2, 14, 14], &[0; 392]), &labels, &[image_name, "expected images of 28x28, found 14x14"]);
    refused(&idx(&[0, 28, 28], &[]), &idx(&[0], &[]), &["no images"]);
    // What a header claims is neither believed nor allocated.
    refused(&idx(&[u32::MAX; 3], &[1, 2, 3]), &labels, &[image_name, "found 3"]);
    let gzipped = gzip(&images);
    refused(&gzipped[..gzipped.len() - 12], &labels, &[image_name]);
}

#[test]
fn on_real_mnist_both_readers_give_the_same_images() {
    let Some(dir) = crate::common::mnist() else { return };
    let mnist = data::read_mnist_train(&dir).unwrap();
    assert_eq!(mnist.images.size(), [60_000, 1, 28, 28]);
    assert_eq!(data::read_mnist_test(&dir).unwrap().len(), 10_000);
    let csv = dir.join("kaggle-train.csv.gz"); // the first 42,000 of them
    if csv.exists() {
        let kaggle = data::read_csv(&csv).unwrap();
        assert!(kaggle.images.equal(&mnist.images.narrow(0, 0, 42_000)));
        assert!(kaggle.labels.equal(&mnist.labels.narrow(0, 0, 42_000)));
    }
}

#[test]
fn batches_of_no_images_are_refused_with_pytorchs_words() {
    let digits = crate::common::digits();
    for batch_size in [0, -1] {
        let loader = DataLoader::new(&digits, batch_size);
        let error = loader.epoch().map(|_| ()).unwrap_err().to_string();
        let words = format!("batch_size should be a positive integer value, but got batch_size={batch_size}");
        assert!(error.contains(&words) && loader.len() == 0, "{error}");
    }
}

#[test]
fn channels_last_puts_the_channels_of_a_pixel_next_to_each_other_and_changes_no_number() {
    for c in [1, 3] {
        let images = Tensor::arange(2 * c * 4 * 5, tch::kind::FLOAT_CPU).view([2, c, 4, 5]);
        let found = data::transforms::channels_last(&images).unwrap();
        assert!(found.equal(&images), "{c} channels");
        assert_eq!(found.stride(), [4 * 5 * c, 1, 5 * c, c], "as torch.channels_last has them");
    }
}
