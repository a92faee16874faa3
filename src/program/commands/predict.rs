//! Which digits are on pictures of one's own, or on the images of Kaggle's test.csv.

use crate::program::data::announce;
use crate::program::files;
use crate::program::messages::{escaped, print};
use crate::program::run::folder::{FILES, PREDICTIONS};
use crate::program::run::network::{self, RunOptions, TrainedRun};
use crate::program::run::options::path;
use crate::program::run::predictions::{is_sure, probabilities};
use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use cnn_tutorial::data::read_unlabelled_csv;
use cnn_tutorial::figures::{Colors, Content, Figure, Map, Panel};
use image::{DynamicImage, GrayImage, imageops};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct PredictOptions {
    #[command(flatten)]
    run: RunOptions,

    /// Pictures with one digit each: JPEG, PNG, WebP, BMP or GIF
    #[arg(value_name = "IMAGE", value_parser = path(), required_unless_present = "csv")]
    images: Vec<PathBuf>,

    /// Draw what the network saw of the pictures: predictions.png in the run's folder
    #[arg(long, conflicts_with = "csv")]
    show: bool,

    /// Kaggle's test.csv: pixel0..pixel783 or another layout that --data reads, without labels, plain or .gz
    #[arg(long, value_name = "FILE", value_parser = path(), conflicts_with = "images", requires = "submission")]
    csv: Option<PathBuf>,

    /// Where to write ImageId,Label for Kaggle: a new file, or something that is there already, such as a pipe or /dev/stdout
    #[arg(long, value_name = "FILE", value_parser = path(), requires = "csv")]
    submission: Option<PathBuf>,
}

/// Prints the digit and the probabilities of each picture, or writes Kaggle's submission.
pub fn predict(options: &PredictOptions) -> Result<()> {
    let run = options.run.open()?;
    run.config.check_digits(&run.dir, "predict")?;
    match (&options.csv, &options.submission) {
        (Some(csv), Some(submission)) => submit(&run, csv, submission),
        _ => predict_pictures(&run, options),
    }
}

/// The most pictures in the figure: more would cost memory, and nobody looks at them.
const SHOWN: usize = 200;
/// The side of a picture in the figure, in pixels: five times MNIST's.
const SIDE: u32 = 140;

fn predict_pictures(TrainedRun { dir, network, .. }: &TrainedRun, options: &PredictOptions) -> Result<()> {
    let (mut text, mut panels, mut errors) = (String::new(), Vec::new(), Vec::new());
    for path in &options.images {
        // One bad picture does not lose the others' answers.
        let read = photo::open(path).and_then(|picture| {
            let pixels = photo::to_mnist(&picture).with_context(|| format!("{}: no digit found", path.display()))?;
            Ok((picture, pixels))
        });
        let (picture, pixels) = match read {
            Ok(read) => read,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let logits = network.logits(&network::image(&pixels)?)?;
        let prediction = &probabilities(&logits)?[0];
        let (probabilities, digit) = prediction;
        let percent = |class: usize| format!("{:.2} %", 100.0 * probabilities[class]);
        write!(text, "{}: {digit} ({})  ", escaped(&path.display().to_string()), percent(*digit))?;
        (0..probabilities.len()).try_for_each(|class| write!(text, "  {class}: {}", percent(class)))?;
        text.push_str(if is_sure(prediction) { "\n" } else { "  not sure\n" });

        if options.show && panels.len() < SHOWN {
            let mut likely: Vec<usize> = (0..probabilities.len()).collect();
            likely.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));
            let likely: Vec<String> =
                likely[..2].iter().map(|&class| format!("{class}: {:.0} %", 100.0 * probabilities[class])).collect();
            let mut name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if let Some((end, _)) = name.char_indices().nth(14) {
                name.replace_range(end.., "…"); // there is no more room over the picture
            }
            let maps = vec![thumbnail(&picture), enlarged(&pixels)];
            panels.push(Panel::new(format!("{digit}: {name}"), likely.join("  "), Content::Maps(maps)));
        }
    }
    print(&text)?;
    if options.show && !panels.is_empty() {
        let heading = "Each picture beside what the network saw of it, and the likeliest digits".into();
        let figure = Figure { heading, colors: Some(Colors::grey(255.0)), rows: vec![panels] };
        files::put(dir, PREDICTIONS, |path| figure.draw(path))?;
        say!("{}", dir.join(PREDICTIONS).display());
    }
    if options.images.len() == 1 {
        return errors.pop().map_or(Ok(()), Err);
    }
    errors.iter().for_each(|error| say!("{error:#}"));
    ensure!(errors.is_empty(), "{} of {} pictures could not be read", errors.len(), options.images.len());
    Ok(())
}

/// The picture in the middle of a square.
fn thumbnail(picture: &DynamicImage) -> Map {
    let small = picture.thumbnail(SIDE, SIDE).to_luma8();
    let mut square = GrayImage::new(SIDE, SIDE);
    let (x, y) = ((SIDE - small.width()) / 2, (SIDE - small.height()) / 2);
    imageops::replace(&mut square, &small, x.into(), y.into());
    Map { width: SIDE as usize, values: square.into_raw().into_iter().map(f32::from).collect() }
}

fn enlarged(pixels: &[u8]) -> Map {
    let (side, by) = (SIDE as usize, SIDE as usize / 28);
    let values = (0..side * side).map(|i| f32::from(pixels[i / side / by * 28 + i % side / by])).collect();
    Map { width: side, values }
}

/// Writes `ImageId,Label`, images counted from 1, as Kaggle's Digit Recognizer wants it.
fn submit(TrainedRun { dir, network, .. }: &TrainedRun, csv: &Path, submission: &Path) -> Result<()> {
    ensure!(
        !files::are_one_file(csv, submission),
        "--submission {} is the same file as --csv {}, which would be lost: give another name",
        submission.display(),
        csv.display()
    );
    if let Some(file) = FILES.iter().find(|file| files::are_one_file(&dir.join(file), submission)) {
        bail!("--submission {} is {file} of the run, which would be lost: give another name", submission.display());
    }
    let (images, remark) = read_unlabelled_csv(csv)?;
    announce(csv.display(), &images, true, remark.as_deref())?;
    let mut text = String::from("ImageId,Label\n");
    for (i, (_, digit)) in probabilities(&network.logits(&images)?)?.iter().enumerate() {
        writeln!(text, "{},{digit}", i + 1)?;
    }
    files::write(submission, text.as_bytes())?;
    say!("{}: {} images", submission.display(), images.size()[0]);
    Ok(())
}
