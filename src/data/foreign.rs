//! Files of other kinds than are read here: told by their first bytes, and refused with how to make a CSV of them.

use anyhow::{Result, bail};

/// A CSV without names over its columns: the label, then the pixels.
const SAVE: &str = "n.savetxt('train.csv', n.c_[y, x], '%d', ',')";

/// Where a zip archive has the name of its first file.
const FIRST_NAME: usize = 30;

/// Where the bytes are that tell a kind, these bytes, what it is in words, and what to do.
const KINDS: &[(usize, &[u8], &str, Advice)] = &[
    // The name of the first array: x_test or x_train, y_test or y_train.
    (FIRST_NAME, b"x_t", "a NumPy archive (.npz), as Keras has MNIST in", Advice::Python(NPZ)),
    (FIRST_NAME, b"y_t", "a NumPy archive (.npz), as Keras has MNIST in", Advice::Python(NPZ)),
    (FIRST_NAME, b"[Content_Types].xml", "an Excel workbook", Advice::Do("save it as CSV")),
    (0, b"PK\x03\x04", "a zip archive", Advice::Do("unpack it, and give what is in it")),
    (257, b"ustar", "a tar archive", Advice::Do("unpack it with `tar xf`, and give the folder")),
    (0, b"BZh", "packed by bzip2", Advice::Do("unpack it with `bunzip2`")),
    (0, b"\xfd7zXZ\0", "packed by xz", Advice::Do("unpack it with `unxz`")),
    (0, b"\x28\xb5\x2f\xfd", "packed by zstd", Advice::Do("unpack it with `unzstd`")),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", Advice::Do("unpack it, and give what is in it")),
    (0, b"MATLAB 5.0 MAT-file", "a MATLAB file (.mat)", Advice::Python(MAT)),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file, as MATLAB 7.3 and Keras write", Advice::Do("write its images to a CSV")),
    (0, b"PAR1", "a Parquet file", Advice::Python(PARQUET)),
    (0, b"\x93NUMPY", "a NumPy array (.npy)", Advice::Python(NPY)),
    (0, b"\x80\x02", "a Python pickle", Advice::Python(PICKLE)),
    (0, b"\x80\x03", "a Python pickle", Advice::Python(PICKLE)),
    (0, b"\x80\x04", "a Python pickle", Advice::Python(PICKLE)),
    (0, b"\x80\x05", "a Python pickle", Advice::Python(PICKLE)),
    (0, b"\0\0\x08\x01", "an IDX file, of labels", Advice::Do("give the folder that holds it and the images")),
    (0, b"\0\0\x08\x03", "an IDX file, of images", Advice::Do("give the folder that holds it and the labels")),
    (0, b"\x89PNG", "a picture (PNG)", PICTURE),
    (0, b"\xff\xd8\xff", "a picture (JPEG)", PICTURE),
    (0, b"GIF8", "a picture (GIF)", PICTURE),
    (8, b"WEBP", "a picture (WebP)", PICTURE),
    (0, b"BM", "a picture (BMP)", PICTURE),
    (0, b"%PDF", "a PDF", Advice::Do("give a CSV")),
    (0, b"<", "a web page", Advice::Do("download the file itself, not the page that shows it")),
];

const PICTURE: Advice = Advice::Do(
    "`predict FILE` reads the digit on one; to train on pictures, write their 28x28 pixels to a CSV, a line each, the label first",
);

enum Advice {
    Do(&'static str),
    /// Sets the labels y and the images x, one a row, from FILE.
    Python(&'static str),
}

const NPZ: &str = "d = n.load('FILE'); y, x = d['y_train'], d['x_train'].reshape(-1, 784)";
const NPY: &str = "x = n.load('FILE').reshape(-1, 784); y = n.load('labels.npy')";
const MAT: &str = "import scipy.io; d = scipy.io.loadmat('FILE'); y, x = d['label'].T, d['data'].T";
const PARQUET: &str = "import io, pandas, PIL.Image as p; d = pandas.read_parquet('FILE'); y = d.label; \
                       x = [n.ravel(p.open(io.BytesIO(i['bytes']))) for i in d.image]";
const PICKLE: &str = "import gzip, pickle; f = open('FILE', 'rb'); f = gzip.open(f) if f.peek(2)[:2] == b'\\x1f\\x8b' else f; \
                      x, y = pickle.load(f, encoding='latin1')[0]; x = n.rint(x * 255)";

/// Errors where `bytes`, the content of the file `name`, are not text but of a kind that is known.
pub fn refuse_foreign(bytes: &[u8], name: &str) -> Result<()> {
    let is_zip = bytes.starts_with(b"PK\x03\x04");
    let is = |(at, magic, ..): &&(usize, &[u8], &str, Advice)| {
        (is_zip || *at != FIRST_NAME) && bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic))
    };
    let Some((_, magic, what, advice)) = KINDS.iter().find(is) else { return Ok(()) };
    match advice {
        Advice::Do(advice) => bail!("{name} is {what}, expected a CSV: {advice}"),
        Advice::Python(read) => {
            let read = read.replace("FILE", &name.replace(['\\', '\'', '"', '$', '`'], "?"));
            let trust =
                if magic[0] == 0x80 { " (a pickle may run any program: only if you trust its source)" } else { "" };
            bail!(
                "{name} is {what}, expected a CSV: make one with\npython3 -c \"import numpy as n; {read}; {SAVE}\"{trust}"
            )
        }
    }
}
