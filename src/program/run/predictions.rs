//! What a network's logits say: probabilities, how sure it is, and what it takes for something else.

use tch::{Kind, TchError, Tensor};

/// The probabilities of each class, image after image, and the likeliest class.
pub fn probabilities(logits: &Tensor) -> Result<Vec<(Vec<f32>, usize)>, TchError> {
    let rows = Vec::<Vec<f32>>::try_from(logits.f_softmax(1, Kind::Float)?)?;
    let (_, predicted) = logits.f_max_dim(1, false)?;
    let predicted = Vec::<i64>::try_from(predicted)?;
    Ok(rows.into_iter().zip(predicted).map(|(row, class)| (row, class as usize)).collect())
}

/// The images that are taken for another class, those the network was surest of first.
pub fn most_confident_mistakes(labels: &[i64], predictions: &[(Vec<f32>, usize)]) -> Vec<usize> {
    let mut wrong: Vec<usize> = (0..labels.len()).filter(|&i| predictions[i].1 as i64 != labels[i]).collect();
    wrong.sort_by(|&a, &b| confidence(&predictions[b]).total_cmp(&confidence(&predictions[a])));
    wrong
}

/// With a lower probability of its likeliest class the network is not sure.
const SURE: f32 = 0.7;

pub fn is_sure(prediction: &(Vec<f32>, usize)) -> bool {
    confidence(prediction) >= SURE
}

/// The probability of the likeliest class.
pub fn confidence((probabilities, predicted): &(Vec<f32>, usize)) -> f32 {
    probabilities[*predicted]
}

#[cfg(test)]
mod tests {
    use super::most_confident_mistakes;

    #[test]
    fn mistakes_are_told_the_surest_first() {
        let predictions = [(vec![0.6, 0.4], 0), (vec![0.1, 0.9], 1), (vec![0.9, 0.1], 0), (vec![0.7, 0.3], 0)];
        assert_eq!(most_confident_mistakes(&[1, 1, 1, 1], &predictions), [2, 3, 0]);
    }
}
