//! The page's own files, which the program carries.

use axum::Router;
use axum::http::header;
use axum::routing::get;

const HTML: &str = include_str!("../../../../assets/play/index.html");
const CSS: &str = include_str!("../../../../assets/play/style.css");

macro_rules! scripts {
    ($($name:literal),*) => {
        [$((concat!("/", $name), include_str!(concat!("../../../../assets/play/", $name)))),*]
    };
}
const SCRIPTS: [(&str, &str); 14] = scripts![
    "entry.js",
    "common.js",
    "sum.js",
    "draw.js",
    "maps.js",
    "logits.js",
    "at_once.js",
    "kernels.js",
    "grids.js",
    "inputs.js",
    "bench.js",
    "chart.js",
    "train.js",
    "page.js"
];

pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let file = |kind: &'static str, text: &'static str| get(async move || ([(header::CONTENT_TYPE, kind)], text));
    let scripts = SCRIPTS
        .into_iter()
        .fold(Router::new(), |router, (path, text)| router.route(path, file("text/javascript; charset=utf-8", text)));
    scripts.route("/", file("text/html; charset=utf-8", HTML)).route("/style.css", file("text/css; charset=utf-8", CSS))
}
