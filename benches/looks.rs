//! What it costs a training that the page of `play` looks at it: `cargo build --release`, then
//! `cargo bench -p benches --bench looks`, on Linux, with nothing else to do. Five minutes.
//!
//! One training goes on all the time. For half a second the page looks at it, for another it does not, in the order no, yes, yes,
//! no: what slows the machine down slows both. What asks here in the browser's place does nothing else: a browser also draws.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{env, fs};
use tempfile::TempDir;

const ROUNDS: u32 = 60;
const TURN: Duration = Duration::from_millis(500);

struct Page {
    process: Child,
    host: String,
    /// The number of the training, and the losses, rows and lines that are known.
    training: String,
    known: [u64; 3],
    dir: TempDir,
}

impl Page {
    fn with_training(model: &str) -> Self {
        let program = env::current_exe().unwrap().ancestors().nth(2).unwrap().join("cnn-tutorial");
        let mut play = Command::new(program);
        play.args(["play", "--port", "0", "--no-browser"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = play.spawn().unwrap();
        let mut address = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let host = address.trim().trim_start_matches("http://").trim_end_matches('/').into();
        let (training, dir) = (String::new(), tempfile::tempdir().unwrap());
        let mut page = Self { process, host, training, known: [0; 3], dir };

        // It never ends, and with this learning rate one iteration is like the other.
        let (never, out) = (1_000_000_000, page.dir.path().join("run"));
        let options = format!(
            "--data digits --model {model} --lr 0 --epochs {never} --eval-every 20 --print-every 20 --save-every {never}"
        );
        let arguments: Vec<&str> = options.split(' ').chain(["--out", out.to_str().unwrap()]).collect();
        let start = format!(r#"{{"arguments":{arguments:?},"order":{{"until":{never}}}}}"#);
        let answer = page.post("training/start", start.as_bytes());
        page.training = answer.rsplit("\r\n\r\n").next().unwrap().into();
        while page.known[0] == 0 {
            sleep(page.look());
        }
        page
    }

    fn post(&self, path: &str, body: &[u8]) -> String {
        let Self { host, .. } = self;
        let length = body.len();
        let head = format!(
            "POST /api/{path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        );
        let mut stream = TcpStream::connect(host).unwrap();
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }

    /// Asks as the page does: for the losses that are new, and for what the network makes of a digit. Until the next look.
    fn look(&mut self) -> Duration {
        let Self { training, known: [losses, rows, lines], .. } = &self;
        let path = format!("training?training={training}&losses={losses}&rows={rows}&lines={lines}");
        let answer = self.post(&path, &[0; 784]);
        let update: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        let new = |list: &str| update[list].as_array().map_or(0, |list| list.len() as u64);
        self.known = [update["losses_known"].as_u64().unwrap_or(0), rows + new("rows"), lines + new("lines")];
        Duration::from_millis(update["pace"].as_u64().unwrap_or(100))
    }

    /// Waits until the training has measured itself, after each 20 iterations: when, and how many are done.
    fn row(&self) -> (Instant, f64) {
        let metrics = self.dir.path().join("run/metrics.csv");
        let length = || fs::metadata(&metrics).map_or(0, |metadata| metadata.len());
        let before = length();
        while length() == before {
            sleep(Duration::from_millis(1));
        }
        let now = Instant::now();
        let rows = fs::read_to_string(&metrics).unwrap();
        (now, rows.lines().last().unwrap().split(',').next().unwrap().parse().unwrap())
    }

    /// The seconds that an iteration takes.
    fn iteration(&mut self, looks: bool) -> f64 {
        let (start, first) = self.row();
        while start.elapsed() < TURN {
            let begun = Instant::now();
            let pace = if looks { self.look() } else { Duration::from_millis(100) };
            sleep(pace.saturating_sub(begun.elapsed()));
        }
        let (end, last) = self.row();
        (end - start).as_secs_f64() / (last - first)
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.process.kill().and_then(|()| self.process.wait());
    }
}

fn main() {
    for model in ["cnn", "lenet5"] {
        let mut page = Page::with_training(model);
        page.iteration(false);
        let mut round = |_| {
            let [a, b, c, d] = [false, true, true, false].map(|looks| page.iteration(looks));
            (b + c) / (a + d)
        };
        let ratios: Vec<f64> = (0..ROUNDS).map(&mut round).collect();
        let mean = ratios.iter().sum::<f64>() / f64::from(ROUNDS);
        let variance = ratios.iter().map(|ratio| (ratio - mean).powi(2)).sum::<f64>() / f64::from(ROUNDS - 1);
        let interval = 1.96 * (variance / f64::from(ROUNDS)).sqrt();
        println!("{model}: looked at, an iteration takes {mean:.3} of its time, 95 % interval ±{interval:.3}");
    }
}
