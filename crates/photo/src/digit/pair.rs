//! Tells two digits that stand close to each other from the pieces of one.

use crate::cut::CutOut;
use crate::mnist::evened_out;
use crate::parts::{Labels, Part, parts};

/// Ink of more than this keeps two digits together, of 255: the gap between close ones is not empty.
const APART: [u8; 2] = [20, 110];
/// How long a piece is, at least, in percent of what was found: what is shorter is a speck.
const PIECE: u32 = 13;
/// How many of all rows two digits share, at least, in percent: the strokes of a 4 and a 5's bar share fewer.
const SHARED: usize = 60;
/// In how many of these rows the one is left of the other, at least, in percent.
const LEFT_OF: usize = 95;

/// Whether what was found falls into two that are nearly as high as both and stand side by side.
pub fn are_two(cut: &CutOut) -> bool {
    let ink = evened_out(cut);
    let length = PIECE * cut.bounds.width().max(cut.bounds.height());
    APART.into_iter().any(|apart| {
        let (labels, mut pieces) = parts(&ink, apart);
        pieces.retain(|piece| 100 * piece.width().max(piece.height()) >= length);
        pieces.sort_by_key(|piece| piece.left + piece.right);
        (1..pieces.len()).any(|count| {
            let (left, right) = pieces.split_at(count);
            are_side_by_side(&rows(&labels, left), &rows(&labels, right))
        })
    })
}

/// The first and the last column that pieces reach in each row.
fn rows(labels: &Labels, pieces: &[Part]) -> Vec<Option<(u32, u32)>> {
    let own = |&x: &u32, y: u32| pieces.iter().any(|piece| piece.label == labels.get_pixel(x, y).0[0]);
    let row = |y| {
        let first = (0..labels.width()).find(|x| own(x, y))?;
        Some((first, (0..labels.width()).rfind(|x| own(x, y))?))
    };
    (0..labels.height()).map(row).collect()
}

fn are_side_by_side(left: &[Option<(u32, u32)>], right: &[Option<(u32, u32)>]) -> bool {
    let ends = |rows: &[Option<(u32, u32)>]| {
        (rows.iter().position(Option::is_some).unwrap_or(0), rows.iter().rposition(Option::is_some).unwrap_or(0))
    };
    let ((top, bottom), (other_top, other_bottom)) = (ends(left), ends(right));
    let all = bottom.max(other_bottom) - top.min(other_top) + 1;
    let shared = (bottom.min(other_bottom) + 1).saturating_sub(top.max(other_top));
    let both: Vec<bool> = left.iter().zip(right).filter_map(|(left, right)| Some((*left)?.1 < (*right)?.0)).collect();
    let left_of = both.iter().filter(|left_of| **left_of).count();
    100 * shared >= SHARED * all && 100 * left_of >= LEFT_OF * both.len()
}
