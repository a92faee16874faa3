//! Slide "Data Preparation": scikit-learn's `train_test_split`, index for index.

use super::Dataset;
use anyhow::{Result, ensure};
use rand_mt::Mt;

/// A data set in two parts, to train on and to validate on: `train_test_split(features, labels, test_size=test_size,
/// random_state=random_state)`.
///
/// Errors if either part would be empty.
pub fn train_test_split(dataset: &Dataset, test_size: f64, random_state: u32) -> Result<(Dataset, Dataset)> {
    let (train, test) = split_indices(dataset.len() as usize, test_size, random_state)?;
    Ok((dataset.select(&train)?, dataset.select(&test)?))
}

/// The indices of `n` images in two lists, training and test.
///
/// `test_size` is a fraction between 0 and 1, rounded up to whole images. Errors if either list would be empty.
pub fn split_indices(n: usize, test_size: f64, random_state: u32) -> Result<(Vec<i64>, Vec<i64>)> {
    let n_test = (test_size * n as f64).ceil() as usize;
    ensure!(
        0 < n_test && n_test < n,
        "{n} images with a test_size of {test_size} leave none to train on or none to validate on: \
         give more images or another fraction"
    );
    let mut indices = permutation(n, random_state);
    let train = indices.split_off(n_test);
    Ok((train, indices))
}

/// `numpy.random.RandomState(random_state).permutation(n)`.
fn permutation(n: usize, random_state: u32) -> Vec<i64> {
    let mut generator = Mt::new(random_state);
    let mut indices: Vec<i64> = (0..n as i64).collect();
    for i in (1..n).rev() {
        // NumPy draws an index below or at i by masking 32 bits, and draws again where that is too large.
        let mask = u32::MAX >> (i as u32).leading_zeros();
        let j = loop {
            let j = (generator.next_u32() & mask) as usize;
            if j <= i {
                break j;
            }
        };
        indices.swap(i, j);
    }
    indices
}
