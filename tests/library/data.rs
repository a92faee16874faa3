//! The readers, the split and the loader's order, and what bad files get.

use cnn_tutorial::data::{self, DataLoader, Dataset, split_indices};
use cnn_tutorial::evaluate::accuracy_and_loss;
use cnn_tutorial::models::CNNModel;
use cnn_tutorial::nn::CrossEntropyLoss;
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tch::nn::VarStore;
use tch::{Kind, Tensor};

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
        (format!("\r\n\n{plain}\n\r\n\n"), "blank first and last lines"),
        (plain.trim_end().to_owned(), "no end of the last line"),
        (plain.replace(',', ";"), "semicolons"),
        (plain.replace(',', "\t"), "tabs"),
        (quoted.clone(), "quoted fields"),
        (format!("\u{feff}{}\r\n", quoted.replace(',', ";").replace('\n', "\r\n")), "all of a German Excel's"),
        (reversed, "columns in the reverse order"),
        (plain.replace('\n', "\r"), "carriage returns alone"),
        (plain.replacen("label", "Label", 1).replace("pixel", "Pixel"), "capitals"),
        (floats, "whole numbers as floats"),
        (indexed.clone(), "pandas' index"),
        (indexed.replacen(',', "Unnamed: 0,", 1), "pandas' index, read and written again"),
        (indexed.replacen(',', "ID,", 1), "an id"),
        (plain.replacen("label", "class", 1), "OpenML's name of the label"),
        (plain.replace(',', ", "), "blanks after commas"),
        (plain.replace(',', " , "), "blanks around commas"),
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

/// Each line with the fields that `edit` makes of its fields; without the first line where that is `None`.
fn edited(csv: &str, edit: impl Fn(usize, Vec<String>) -> Option<Vec<String>>) -> String {
    let lines = csv.lines().map(|line| line.split(',').map(String::from).collect()).enumerate();
    lines.filter_map(|(line, fields)| Some(edit(line, fields)?.join(",") + "\n")).collect()
}

/// The layouts in which MNIST is downloaded besides Kaggle's, of the same images; true where there are no names.
fn layouts(csv: &str) -> Vec<(&'static str, bool, String)> {
    let named = |name: fn(usize) -> String| {
        let names = move |label: &str| [vec![label.to_owned()], (0..784).map(name).collect()].concat();
        edited(csv, |line, fields| Some(if line == 0 { names(&fields[0]) } else { fields }))
    };
    let from_1 = named(|i| format!("pixel{}", i + 1));
    let last = edited(&from_1.replacen("label", "class", 1), |_, mut fields| {
        fields.rotate_left(1);
        Some(fields)
    });
    let scientific = |(_, fields): (usize, Vec<String>)| -> Vec<String> {
        fields
            .iter()
            .map(|field| format!("{}e+00", field.parse::<f64>().map(|x| format!("{x:.18}")).unwrap()))
            .collect()
    };
    let without = edited(csv, |line, fields| (line > 0).then_some(fields));
    vec![
        ("no names", true, without.clone()),
        ("no names, spaces", true, without.replace(',', " ")),
        ("numpy.savetxt", true, edited(&without, |line, fields| Some(scientific((line, fields))))),
        ("row by column", false, named(|i| format!("{}x{}", i / 28 + 1, i % 28 + 1))),
        ("counted from 1", false, from_1),
        ("the class last", false, last),
    ]
}

#[test]
fn each_layout_in_which_mnist_is_downloaded_gives_the_same_images() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mnist.csv");
    for (layout, assumed, text) in layouts(&csv(&[3, 9])) {
        fs::write(&path, &text).unwrap();
        let dataset = data::read_csv(&path).unwrap_or_else(|error| panic!("{layout}: {error:#}"));
        assert_holds_3_and_9(&dataset);
        let remark = dataset.remark.clone().unwrap_or_default();
        assert_eq!(
            remark.contains("mnist.csv has no names over its columns: taken for the label first"),
            assumed,
            "{layout}"
        );
        assert_eq!(dataset.select(&[0]).unwrap().remark, dataset.remark);
    }
    let no_label = edited(&csv(&[3, 9]), |_, fields| Some(fields[1..].to_vec()));
    for (layout, assumed, text) in layouts(&csv(&[3, 9])) {
        let at = usize::from(layout == "the class last") * 784;
        let text = edited(&text.replace(' ', ","), |_, mut fields| {
            fields.remove(at);
            Some(fields)
        });
        fs::write(&path, text).unwrap();
        let (images, remark) = data::read_unlabelled_csv(&path).unwrap_or_else(|error| panic!("{layout}: {error:#}"));
        assert!(images.flatten(0, -1).equal(&Tensor::from_slice(&[pixels(3), pixels(9)].concat())), "{layout}");
        assert_eq!(
            remark.is_some_and(|remark| remark.ends_with("taken for the pixels row by row")),
            assumed,
            "{layout}"
        );
    }
    fs::write(&path, no_label).unwrap();
    assert!(data::read_unlabelled_csv(&path).unwrap().1.is_none());
}

#[test]
fn errors_in_other_layouts_name_their_own_lines_and_columns_and_the_layouts_that_are_read() {
    let texts = layouts(&csv(&[3, 9]));
    let text = |layout: &str| texts.iter().find(|(name, ..)| *name == layout).unwrap().2.clone();
    let bare = text("no names");
    refused_csv(
        bare.replacen("3,3,", "3,256,", 1),
        &["line 1, column 2: expected a whole number from 0 to 255", "'256'"],
    );
    refused_csv(bare.replacen("\n9,", "\n10,", 1), &["line 2, column 1: expected a whole number from 0 to 9", "'10'"]);
    refused_csv(
        bare.replacen("3,3,4,", "3,3,", 1),
        &["line 1: expected 785 columns", "784 numbers", "without labels?"],
    );
    refused_csv(
        "5,0,0\n",
        &["line 1: expected 785 columns", "found 3 numbers", "1x1,...,28x28", "pixel1,...,pixel784"],
    );
    refused_csv(text("row by column").replacen("1x2,", "1x29,", 1), &["line 1, column 3", "1x1,...,28x28", "'1x29'"]);
    refused_csv(text("row by column").replacen("\n3,3,4,", "\n3,3,x,", 1), &["line 2, column 1x2:", "'x'"]);
    refused_csv(text("counted from 1").replacen("\n9,9,", "\n9,-9,", 1), &["line 3, column pixel1:", "'-9'"]);
    refused_csv(text("numpy.savetxt").replacen("e+00", "e-01", 2), &["line 1, column 1", "'3.000000000000000000e-01'"]);
    refused_csv(csv(&[3]).replacen("\n3,3,", "\n3,0.5,", 1), &["line 2, column pixel0", "'0.5'", "scaled to 0..1"]);
    for odd in ["nan", "inf", "1e9", "2.5e-1", "0x1f", "1 2", "e5"] {
        refused_csv(csv(&[3]).replacen("\n3,3,", &format!("\n3,{odd},"), 1), &["line 2, column pixel0", odd]);
    }
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.csv"), bare).unwrap();
    let error = data::read_unlabelled_csv(&dir.path().join("a.csv")).unwrap_err().to_string();
    assert!(error.contains("expected 784 columns") && error.contains("images with labels?"), "{error}");
}

#[test]
fn fashion_mnist_in_a_csv_is_told_by_its_first_labels() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("train.csv");
    let classes = |labels: &[u8]| {
        fs::write(&path, csv(labels)).unwrap();
        data::read_csv(&path).unwrap().classes
    };
    assert_eq!(classes(&[9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0])[9], "Ankle boot");
    assert_eq!(classes(&[2, 9, 6, 0, 3, 4])[9], "Ankle boot");
    assert_eq!(classes(&[9, 0, 0]), data::digits());
    assert_eq!(classes(&[5, 0, 4, 1, 9, 2, 1, 3, 1, 4]), data::digits());
}

#[test]
fn files_of_other_kinds_are_named_as_what_they_are_with_what_to_do() {
    let zip = |first: &str| [b"PK\x03\x04".as_slice(), &[0; 26], first.as_bytes(), b"rest"].concat();
    let tar = [&[b'a'; 257][..], b"ustar\x0000", &[0; 300]].concat();
    for (bytes, words) in [
        (zip("x_train.npy"), &["a NumPy archive (.npz)", "python3 -c", "n.load('", "bad.csv')", "savetxt"][..]),
        (zip("x_test.npy"), &["a NumPy archive (.npz)"]),
        (zip("train.csv"), &["a zip archive, expected a CSV: unpack it"]),
        (zip("[Content_Types].xml"), &["an Excel workbook", "save it as CSV"]),
        (tar.clone(), &["a tar archive", "tar xf"]),
        (gzip(&tar), &["a tar archive", "tar xf"]),
        (b"MATLAB 5.0 MAT-file, Platform".to_vec(), &["a MATLAB file", "loadmat"]),
        (b"PAR1\x15\x04".to_vec(), &["a Parquet file", "read_parquet"]),
        (gzip(b"\x80\x02(("), &["a Python pickle", "trust", "pickle.load"]),
        (two_images().0, &["an IDX file, of images", "give the folder"]),
        (gzip(&two_images().1), &["an IDX file, of labels", "give the folder"]),
        (b"\x89PNG\r\n\x1a\n".to_vec(), &["a picture (PNG)", "`predict FILE`"]),
        (b"\xff\xd8\xff\xe0".to_vec(), &["a picture (JPEG)"]),
        (b"RIFF\x10\0\0\0WEBPVP8 ".to_vec(), &["a picture (WebP)"]),
        (b"BM\x36\x09\0\0\0\0\0\0\x36\0".to_vec(), &["a picture (BMP)"]),
        (b"<!DOCTYPE html><html>Not Found</html>".to_vec(), &["a web page", "download the file itself"]),
    ] {
        refused_csv(bytes, words);
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
fn torchvisions_folders_are_found_and_of_several_none_is_chosen() {
    let (images, labels) = two_images();
    for inside in ["", "raw", "MNIST/raw", "FashionMNIST/raw"] {
        let at = |name: &str| Path::new(inside).join(name).display().to_string();
        let root = folder(&[
            (&at("train-images-idx3-ubyte"), &images),
            (&at("train-labels-idx1-ubyte"), &labels),
            (&at("batches.meta.txt"), b"a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n"),
        ]);
        let dataset = data::read_mnist_train(root.path()).unwrap_or_else(|error| panic!("{inside}: {error:#}"));
        assert_holds_3_and_9(&dataset);
        assert_eq!(dataset.classes[9], "j");
        assert_refused(data::read_mnist_test(root.path()), &["has no file t10k-images-idx3-ubyte"]);
    }
    let both = folder(&[
        ("MNIST/raw/train-labels-idx1-ubyte", &labels),
        ("FashionMNIST/raw/train-labels-idx1-ubyte", &labels),
    ]);
    let words = ["holds 2 sets of images", "MNIST/raw", "FashionMNIST/raw", "give the folder of one"];
    assert_refused(data::read_mnist_train(both.path()), &words);
    assert!(data::is_idx(both.path()) && !data::is_idx(tempfile::tempdir().unwrap().path()));
}

#[test]
fn emnists_digits_are_turned_upright_and_its_letters_are_refused() {
    let transposed: Vec<u8> =
        [3, 9].iter().flat_map(|&label| (0..784).map(move |i| pixels(label)[i % 28 * 28 + i / 28])).collect();
    let (images, labels) = (idx(&[2, 28, 28], &transposed), two_images().1);
    for part in ["digits", "mnist"] {
        let at = |name: &str| format!("emnist-{part}-{name}-ubyte");
        let dir = folder(&[
            (&at("train-images-idx3"), &images),
            (&at("train-labels-idx1"), &labels),
            (&format!("{}.gz", at("test-images-idx3")), &gzip(&images)),
            (&at("test-labels-idx1"), &labels),
            ("emnist-letters-train-labels-idx1-ubyte", &labels),
        ]);
        for read in [data::read_mnist_train(dir.path()), data::read_mnist_test(dir.path())] {
            let dataset = read.unwrap();
            assert_holds_3_and_9(&dataset);
            assert!(dataset.remark.unwrap().contains("turned upright"));
        }
        assert_eq!(data::idx_name(dir.path()), Some("EMNIST"));
    }
    for part in ["letters", "balanced", "byclass", "bymerge"] {
        let name = format!("gzip/emnist-{part}-train-labels-idx1-ubyte.gz");
        assert_refused(data::read_mnist_train(folder(&[(&name, &labels)]).path()), &[part, "other classes", "mnist"]);
    }
    let both = folder(&[
        ("emnist-digits-train-labels-idx1-ubyte", &labels),
        ("emnist-mnist-train-labels-idx1-ubyte", &labels),
    ]);
    assert_refused(data::read_mnist_train(both.path()), &["emnist-digits-*", "emnist-mnist-*", "no other in it"]);
}

#[test]
fn a_folder_of_idx_files_has_the_name_that_its_labels_tell() {
    let name = |labels: &[u8]| data::idx_name(folder(&[("train-labels-idx1-ubyte", &idx(&[10], labels))]).path());
    assert_eq!(name(&[5, 0, 4, 1, 9, 2, 1, 3, 1, 4]), Some("MNIST"));
    assert_eq!(name(&[9, 0, 0, 3, 0, 2, 7, 2, 5, 5]), Some("Fashion-MNIST"));
    assert_eq!(name(&[8, 7, 0, 1, 4, 2, 4, 8, 2, 7]), None);
    assert_eq!(name(&[]), None);
}

fn names(classes: &[&str]) -> Vec<String> {
    classes.iter().map(|&class| class.into()).collect()
}

#[test]
fn fashion_mnist_is_told_from_mnist_by_its_first_labels_and_any_classes_are_named_by_a_file() {
    let classes = |labels: &[u8; 10], meta: Option<&str>| {
        let dir = mnist_dir(&idx(&[10, 28, 28], &[0; 7840]), &idx(&[10], labels));
        if let Some(meta) = meta {
            fs::write(dir.path().join("batches.meta.txt"), meta).unwrap();
        }
        let dataset = data::read_mnist_train(dir.path()).unwrap();
        let (train, test) = data::train_test_split(&dataset, 0.2, 1212).unwrap();
        assert_eq!((&train.classes, &test.classes), (&dataset.classes, &dataset.classes));
        assert_eq!(dataset.to(tch::Device::Cpu).unwrap().classes, dataset.classes);
        dataset.classes
    };
    let (mnist, fashion) = ([5, 0, 4, 1, 9, 2, 1, 3, 1, 4], [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]);
    assert_eq!(classes(&mnist, None), data::digits());
    assert_eq!(classes(&[7, 2, 1, 0, 4, 1, 4, 9, 5, 9], None), data::digits());
    for labels in [fashion, [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]] {
        let names = classes(&labels, None);
        assert_eq!((&*names[0], &*names[9], names.len()), ("T-shirt/top", "Ankle boot", 10));
    }
    let letters = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "red circle"];
    assert_eq!(classes(&mnist, Some("a\r\nb\nc\nd\ne\nf\ng\nh\ni\nred circle\n\n\n")), names(&letters));
    assert_eq!(classes(&fashion, Some(&letters.join("\n"))), names(&letters));
}

/// An image in CIFAR-10's format: red is `label, label + 1, ...`, green all 100, blue all 200.
fn cifar(label: u8) -> Vec<u8> {
    [
        &[label][..],
        &(0..1024).map(|i| ((usize::from(label) + i) % 256) as u8).collect::<Vec<_>>(),
        &[100; 1024],
        &[200; 1024],
    ]
    .concat()
}

/// A folder with these files.
fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir
}

#[test]
fn cifar_10s_batches_are_read_in_their_order_plain_and_gzipped_wherever_they_are_unpacked() {
    let (first, second) = ([cifar(3), cifar(9)].concat(), cifar(0));
    for inside in ["", "cifar-10-batches-bin/"] {
        let at = |name: &str| format!("{inside}{name}");
        let dir = folder(&[
            (&at("data_batch_1.bin"), &first),
            (&at("data_batch_2.bin.gz"), &gzip(&second)),
            (&at("test_batch.bin"), &cifar(7)),
        ]);
        let dataset = data::read_cifar10_train(dir.path()).unwrap();
        assert_eq!((dataset.image_size().unwrap(), dataset.images.size()), ([3, 32, 32], vec![3, 3, 32, 32]));
        assert!(dataset.labels.equal(&Tensor::from_slice(&[3i64, 9, 0])));
        let at = |channel, row, column| dataset.images.int64_value(&[1, channel, row, column]);
        assert_eq!([at(0, 0, 0), at(0, 1, 2), at(1, 0, 0), at(2, 31, 31)], [9, 9 + 34, 100, 200]);
        assert_eq!((&*dataset.classes[0], &*dataset.classes[9]), ("airplane", "truck"));
        assert_eq!([0, 2].map(|index| dataset.caption(index).unwrap()), ["cat", "airplane"]);
        assert!(data::read_cifar10_test(dir.path()).unwrap().labels.equal(&Tensor::from_slice(&[7i64])));
        assert!(data::is_cifar10(dir.path()) && data::has_test(dir.path()));
    }
    let own = ["red circle", "2", "3", "4", "5", "6", "7", "8", "9", "blue ring"];
    let dir = folder(&[("data_batch_1.bin", &first), ("batches.meta.txt", (own.join("\n") + "\n\n").as_bytes())]);
    let dataset = data::read_cifar10_train(dir.path()).unwrap();
    assert_eq!(dataset.classes, names(&own));
    assert_eq!([0, 1].map(|index| dataset.caption(index).unwrap()), ["a 4", "blue ring"]);
    assert!(!data::has_test(dir.path()));
    assert!(!data::is_cifar10(tempfile::tempdir().unwrap().path()));
}

#[test]
fn bad_cifar_10_files_are_refused_with_their_name_the_image_and_what_was_expected_and_found() {
    let image = cifar(1);
    let refused = |files: &[(&str, &[u8])], words: &[&str]| {
        assert_refused(data::read_cifar10_train(folder(files).path()), words);
    };
    let name = "data_batch_1.bin";
    refused(&[], &["has no file data_batch_1.bin, plain or .gz: expected CIFAR-10's binary version"]);
    refused(&[(name, &image), ("data_batch_3.bin", &image)], &["no file data_batch_2.bin", "but data_batch_3.bin"]);
    refused(&[(name, b"")], &[name, "holds no images"]);
    refused(
        &[(name, &[&image[..], b"abc"].concat())],
        &[name, "expected 3073 bytes", "found 3 behind image 1", "again"],
    );
    refused(&[(name, &[&image[..], &cifar(10)].concat())], &[name, "image 1: expected a label from 0 to 9, found 10"]);
    let gzipped = gzip(&image);
    refused(&[("data_batch_1.bin.gz", &gzipped[..gzipped.len() - 12])], &["data_batch_1.bin.gz cannot be read"]);
    let meta = |text: &[u8], words: &[&str]| {
        refused(&[(name, &image), ("batches.meta.txt", text)], &[&["batches.meta.txt", "delete it"], words].concat());
    };
    meta(b"cat\ndog\n\n", &["names of ten classes", "found 2"]);
    meta(b"", &["found 0"]);
    meta(b"1\n2\n\n4\n5\n6\n7\n8\n9\n10\n", &["line 3: expected a name", "found ''"]);
    meta(b"1\n\x1b[31m\n3\n4\n5\n6\n7\n8\n9\n10\n", &["line 2", "\\u{1b}[31m"]);
    meta(&[b'x'; 1 << 20], &["line 1", "1 to 40 characters"]);
    meta(b"\xff\xfe", &["cannot be read"]);
    assert_refused(
        data::read_cifar10_test(folder(&[(name, &image)]).path()),
        &["has no file test_batch.bin, plain or .gz: expected"],
    );
}

#[test]
fn the_shapes_are_those_that_their_script_draws_and_some_differ_in_colour_alone() {
    let fixtures = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/shapes"));
    let (train, test) = (data::read_cifar10_train(fixtures).unwrap(), data::read_cifar10_test(fixtures).unwrap());
    assert_eq!((train.images.size(), test.len()), (vec![400, 3, 32, 32], 100));
    for set in [&train, &test] {
        let counts: Vec<i64> = set.labels.bincount::<Tensor>(None, 10).try_into().unwrap();
        assert_eq!(counts, [set.len() / 10; 10]);
    }
    assert_eq!(train.classes[..3], names(&["red circle", "blue circle", "red square"]));
    // Where red is more than blue, the class is one of the even ones.
    let sums = train.images.to_kind(tch::Kind::Float).sum_dim_intlist([2i64, 3].as_slice(), false, tch::Kind::Float);
    let is_red = sums.select(1, 0).gt_tensor(&sums.select(1, 2));
    assert!(is_red.equal(&train.labels.remainder(2).eq(0)));
    let Some(python) = crate::common::python() else { return };
    let dir = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/make_shapes.py");
    let output = std::process::Command::new(python).arg(script).arg(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Unpacked: another version of zlib may pack them otherwise.
    for (found, expected) in
        [(data::read_cifar10_train(dir.path()).unwrap(), &train), (data::read_cifar10_test(dir.path()).unwrap(), &test)]
    {
        assert!(found.images.equal(&expected.images) && found.labels.equal(&expected.labels));
        assert_eq!(found.classes, expected.classes);
    }
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
    refused_csv([0xff, 0xfe, 0x00, 0x01], &["line 1"]);
    refused_csv("\n\r\n", &["is empty", "label,pixel0"]);
    refused_csv(format!("\n\r\n{}", good.replacen("label", "digit", 1)), &["line 3, column 1", "'digit'"]);
    refused_csv(format!("\n\r\n{}", good.replacen("\n9,9,", "\n9,x,", 1)), &["line 5, column pixel0", "'x'"]);
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

/// Six images, which are their numbers.
fn six() -> Dataset {
    let numbers = Tensor::from_slice(&[0i64, 1, 2, 3, 4, 5]);
    Dataset { images: numbers.view([6, 1, 1, 1]), labels: numbers, classes: Vec::new(), remark: None }
}

#[test]
fn an_epochs_copy_has_the_same_order() {
    let dataset = six();
    let loader = DataLoader { shuffle: true, ..DataLoader::new(&dataset, 4) };
    let labels =
        |epoch: data::Epoch| -> Vec<Vec<i64>> { epoch.map(|batch| Vec::try_from(batch.unwrap().1).unwrap()).collect() };
    let epoch = loader.epoch().unwrap();
    assert_eq!(labels(epoch.clone()), labels(epoch));
}

#[test]
fn a_batch_of_floats_is_a_tensor_of_its_own_as_pythons_loader_stacks_it() {
    let images = Tensor::arange(10, tch::kind::FLOAT_CPU).view([10, 1, 1, 1]);
    let dataset = Dataset { images: images.copy(), labels: Tensor::zeros([10], tch::kind::INT64_CPU), ..six() };
    let twice = Box::new(|mut images: Tensor| images.f_mul_scalar_(2));
    let loader = DataLoader { transform: twice, ..DataLoader::new(&dataset, 3) };
    for (batch, start) in loader.epoch().unwrap().zip([0, 3, 6, 9]) {
        let batch = batch.unwrap().0;
        assert_eq!(batch, images.narrow(0, start, batch.size()[0]) * 2);
        // MKL's products may depend on where in memory a part begins.
        assert_eq!(batch.data_ptr() as usize % 64, 0, "from {start}");
    }
    assert_eq!(dataset.images, images, "a transform that works in place does not change the data");
}

#[test]
fn a_batch_may_be_larger_than_any_data() {
    let dataset = six();
    let mut epoch = DataLoader::new(&dataset, i64::MAX);
    epoch.shuffle = true;
    let mut epoch = epoch.epoch().unwrap();
    assert_eq!(epoch.next().unwrap().unwrap().1.size(), [6]);
    assert!(epoch.next().is_none() && epoch.next().is_none());
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
    let none = digits.select(&[]).unwrap();
    let loader = DataLoader { shuffle: true, ..DataLoader::new(&none, 5) };
    let error = loader.epoch().map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("num_samples should be a positive integer value, but got num_samples=0"), "{error}");
    assert!(DataLoader::new(&none, 5).epoch().unwrap().next().is_none());
    let model = CNNModel::new(&VarStore::new(tch::Device::Cpu).root()).unwrap();
    let error = accuracy_and_loss(&model, &CrossEntropyLoss, &DataLoader::new(&none, 5)).unwrap_err().to_string();
    assert!(error.contains("float division by zero"), "{error}");
}

#[test]
fn images_and_labels_of_different_number_are_refused_with_pytorchs_words() {
    for labels in [5, 7] {
        let dataset = Dataset { labels: Tensor::zeros([labels], tch::kind::INT64_CPU), ..six() };
        let error = DataLoader::new(&dataset, 2).epoch().map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("Size mismatch between tensors: images of [6, 1, 1, 1]"), "{error}");
    }
}

#[test]
fn images_of_64_bits_stay_so_and_whole_numbers_become_floats_of_32() {
    let third = Tensor::from_slice(&[1f64 / 3.0]).view([1, 1, 1, 1]);
    for (images, kind) in [(third.shallow_clone(), Kind::Double), (third.to_kind(Kind::Uint8), Kind::Float)] {
        let labels = Tensor::zeros([1], tch::kind::INT64_CPU);
        let dataset = Dataset { images: images.shallow_clone(), labels, ..six() };
        let batch = DataLoader::new(&dataset, 1).epoch().unwrap().next().unwrap().unwrap().0;
        assert!(batch.kind() == kind && batch.equal(&images.to_kind(kind)), "{batch:?}");
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

#[test]
fn transforms_take_images_of_any_size_and_number_of_channels() {
    for (c, h, w) in [(1, 28, 28), (3, 32, 32), (4, 9, 16)] {
        let images = Tensor::randint(256, [2, c, h, w], tch::kind::FLOAT_CPU);
        let unit = data::transforms::unit_scale(&images).unwrap();
        assert!(unit.equal(&(&images / Tensor::from(255f32))), "{c}x{h}x{w}");
        let augmented = data::transforms::augment(&images).unwrap();
        assert_eq!(augmented.size(), images.size());
        let laid_out = data::transforms::to_mkldnn(&images).unwrap();
        let dense = if laid_out.is_mkldnn() { laid_out.to_dense(None, false) } else { laid_out };
        assert!(dense.equal(&images), "{c}x{h}x{w}");
    }
}

#[test]
fn a_turned_image_keeps_its_channels_together_and_its_shapes_whatever_its_width() {
    // The same disc in each channel, in an image that is wider than high.
    let distance = |i: i64, middle: f64| (i as f64 - middle).powi(2);
    let disc: Vec<f32> = (0..30 * 60)
        .map(|i| if distance(i / 60, 14.5) + distance(i % 60, 29.5) < 81.0 { 255.0 } else { 0.0 })
        .collect();
    let images = Tensor::from_slice(&disc).view([1, 1, 30, 60]).expand([50, 3, 30, 60], false).contiguous();
    tch::manual_seed(0);
    let augmented = data::transforms::augment(&images).unwrap();
    assert!(augmented.select(1, 0).equal(&augmented.select(1, 2)));
    for i in 0..50 {
        let inside = augmented.get(i).get(0).gt(127.0);
        let extent = |dim: i64| i64::try_from(inside.any_dim(dim, false).sum(tch::Kind::Int64)).unwrap();
        let (width, height) = (extent(0), extent(1));
        assert!((width - height).abs() <= 1 && width > 14, "image {i}: a disc of {width}x{height}");
    }
}
