//! Numbers as the tutorial prints and logs them.

/// A number as Python's `repr` writes it: the shortest digits that read back as the same f64.
///
/// Not `{:?}`: where two such numbers are equally near, Rust takes the larger and Python, like ryu, the even one. An
/// accuracy is a 32-bit number in 64 bits, where that happens often: 96.111114501953125 is ...12 in Python.
pub fn python_repr(x: f64) -> String {
    let mut buffer = ryu::Buffer::new();
    let text = buffer.format(x);
    let (sign, magnitude) = text.strip_prefix('-').map_or(("", text), |magnitude| ("-", magnitude));
    if let Some((digits, exponent)) = magnitude.split_once('e') {
        let (exponent_sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
        format!("{sign}{digits}e{exponent_sign}{exponent:0>2}") // 9.5e-6 is 9.5e-06
    } else if let Some(digits) = magnitude.strip_prefix("0.0000") {
        let (first, rest) = digits.split_at(1);
        let point = if rest.is_empty() { "" } else { "." };
        format!("{sign}{first}{point}{rest}e-05") // 0.000095 is 9.5e-05
    } else {
        text.to_lowercase() // NaN is nan
    }
}
