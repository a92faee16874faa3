//! The command lines that the documentation writes down.

use super::Cli;
use clap::CommandFactory;
use std::fs;
use std::path::Path;

/// What is written after `prefix` in `text`, as far as the command goes.
fn commands<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    let rest = text.split(prefix).skip(1);
    rest.map(|rest| rest.split(['`', '\n', '#', ';', '|', '(', ')']).next().unwrap_or_default().trim())
}

#[test]
fn the_program_takes_every_command_that_the_readme_and_the_docs_write_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages: Vec<_> = docs.filter(|page| page.extension().is_some_and(|e| e == "md")).collect();
    assert!(pages.len() >= 5);
    let mut found = 0;
    for page in [vec![root.join("README.md")], pages].concat() {
        // `own` is the network that the reader writes.
        let text = fs::read_to_string(&page).unwrap().replace("\\\n", " ").replace("--model own", "--model cnn");
        for prefix in ["cargo run --release -- ", "scripts/train.sh", "scripts/compare.sh"] {
            for arguments in commands(&text, prefix) {
                found += 1;
                let arguments = arguments.split_whitespace();
                let error = match Cli::command().try_get_matches_from(std::iter::once("").chain(arguments.clone())) {
                    Err(error) if error.use_stderr() => error, // not --help
                    _ => continue,
                };
                panic!("{}: {:?}: {error}", page.display(), arguments.collect::<Vec<_>>());
            }
        }
    }
    assert!(found > 20, "{found} commands");
}
