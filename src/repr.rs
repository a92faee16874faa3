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

#[cfg(test)]
mod tests {
    use super::python_repr;

    #[test]
    fn numbers_are_written_as_python_writes_them() {
        // Each text is what Python's repr() prints for it.
        for text in [
            "94.86904907226562",
            "96.0",
            "0.0",
            "-0.0",
            "0.08604087680578232",
            "0.0001",
            "9.5e-05",
            "1e-07",
            "1.401298464324817e-45",
            "-2.5e-10",
            "1e+16",
            "3.4028234663852886e+38",
            "1e+100",
            "123456789012345.6",
            "inf",
            "-inf",
            "2.3841855067985307e-07",
            "0.00012345679",
        ] {
            assert_eq!(python_repr(text.parse().unwrap()), text);
        }
        assert_eq!(python_repr(f64::NAN), "nan");
    }
}
