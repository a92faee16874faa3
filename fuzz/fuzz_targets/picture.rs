//! Any bytes as a picture file: a picture or an error, and from a picture 28x28 pixels or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// The longest side of a picture that a digit is looked for on, in pixels: larger ones take the fuzzer's time.
const LONGEST: u32 = 512;

fuzz_target!(|bytes: &[u8]| {
    let Ok(picture) = photo::read(bytes) else { return };
    if picture.width().max(picture.height()) > LONGEST {
        return;
    }
    if let Ok(pixels) = photo::to_mnist(&picture) {
        assert_eq!(pixels.len(), 28 * 28);
    }
});
