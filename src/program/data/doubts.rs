//! What a person should know of the images before a network learns from them: said, and the program goes on.

use anyhow::Result;
use std::fmt::Display;
use tch::{Kind, TchError, Tensor};

/// Says how images `[N, C, H, W]` were read, and warns of what would make a network wrong without a word.
pub fn announce(source: impl Display, images: &Tensor, are_digits: bool, remark: Option<&str>) -> Result<()> {
    if let Some(remark) = remark {
        say!("note: {remark}");
    }
    let brightest = images.f_max()?.f_int64_value(&[])?;
    if brightest <= 1 {
        say!(
            "warning: {source}: no pixel is more than {brightest}, expected 0 to 255: they look scaled or black-and-white \
             already; multiply them by 255"
        );
    }
    if are_digits && images.size()[1] == 1 {
        let border = border(images)?;
        if border > 127.5 {
            say!(
                "warning: {source}: the border of the images is {border:.0} on average, expected about 0, a light digit on \
                 a dark ground as in MNIST: they look inverted; give 255 minus each pixel"
            );
        }
    }
    Ok(())
}

/// The mean of the outermost pixels.
fn border(images: &Tensor) -> Result<f64, TchError> {
    let (height, width) = (images.size()[2], images.size()[3]);
    let edges = [(2, 0), (2, height - 1), (3, 0), (3, width - 1)];
    let edges = edges.map(|(dim, at)| images.f_select(dim, at)?.f_to_kind(Kind::Float)?.f_mean(Kind::Float));
    let means: Vec<f64> = edges.into_iter().map(|mean| f64::try_from(mean?)).collect::<Result<_, _>>()?;
    Ok(means.iter().sum::<f64>() / means.len() as f64)
}
