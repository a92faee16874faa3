//! Looks for the part of a picture that is most like a digit, dark or light, faint or strong, thin or thick.

use super::cut::{CutOut, View, cut_out, joined};
use super::ground::black_hat;
use super::measures::{CONTRAST_COUNTS, Measures, measure};
use super::parts::{Part, parts};
use image::{GrayImage, imageops};

/// Half of the windows that ink is looked for in, in pixels: strokes up to twice as wide are found.
pub const RADII: [u8; 2] = [13, 31];
/// The same for the thickest strokes, which are looked for where nothing thinner is found.
pub const WIDE_RADIUS: u8 = 67;
/// How much darker than its ground a part is, at least, of 255; a digit is looked for at each of these.
const LEVELS: [u8; 9] = [6, 9, 14, 20, 30, 45, 65, 95, 130];
/// The least height of a digit, in pixels of the picture.
const LEAST_HEIGHT: u32 = 12;
/// The width that no part of a digit reaches, in heights.
const WIDEST_PART: u32 = 2;
/// So many parts at each level are measured, those that are largest and highest in contrast.
const CANDIDATES: usize = 4;
/// How good a second digit is, at least, in parts of the first one's score.
const RIVAL_SCORE: f32 = 0.35;
/// How high a second digit is, at least, in percent of the first one's height.
const RIVAL_HEIGHT: u32 = 60;

/// The part that looks most like a digit, with the pieces that belong to it.
pub struct Found {
    pub cut: CutOut,
    pub measures: Measures,
    /// Whether another digit stands beside it.
    pub rival: bool,
}

/// The best at all levels, dark or light, in windows of these radii.
pub fn search(picture: &GrayImage, radii: &[u8]) -> Option<Found> {
    let mut inverse = picture.clone();
    imageops::invert(&mut inverse);
    let mut best: Option<Found> = None;
    for (light, grey) in [(false, picture), (true, &inverse)] {
        for &radius in radii {
            let view = View { light, grey, hat: black_hat(grey, radius) };
            for found in LEVELS.into_iter().filter_map(|level| best_at(&view, level)) {
                if best.as_ref().is_none_or(|best| found.measures.score() > best.measures.score()) {
                    best = Some(found);
                }
            }
        }
    }
    best
}

/// The best of the parts that stand out by more than `level`.
fn best_at(view: &View, level: u8) -> Option<Found> {
    let (labels, parts) = parts(&view.hat, level);
    let fits =
        |part: &&Part| part.border == 0 && part.height() >= LEAST_HEIGHT && part.width() < WIDEST_PART * part.height();
    let rough = |part: &Part| part.size() * part.contrast.powf(CONTRAST_COUNTS);
    let mut candidates: Vec<&Part> = parts.iter().filter(fits).collect();
    candidates.sort_by(|a, b| rough(b).total_cmp(&rough(a)));
    let found = candidates.into_iter().take(CANDIDATES).map(|part| {
        let cut = cut_out(view, &labels, &joined(part, &parts));
        let measures = measure(&cut, part, level);
        Found { cut, measures, rival: false }
    });
    let mut found: Vec<Found> = found.collect();
    found.sort_by(|a, b| b.measures.score().total_cmp(&a.measures.score()));
    let mut found = found.into_iter();
    let mut best = found.next()?;
    best.rival = found.any(|other| is_rival(&other, &best));
    Some(best)
}

/// Whether it is a digit as well, apart from the best.
fn is_rival(other: &Found, best: &Found) -> bool {
    let alike = other.measures.score() >= RIVAL_SCORE * best.measures.score() && other.measures.is_sound();
    let (best, other) = (&best.cut.bounds, &other.cut.bounds);
    alike && 100 * other.height() >= RIVAL_HEIGHT * best.height() && best.gap(other) > 0
}
