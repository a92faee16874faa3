//! The program at `play`, and a browser to look at its page.

use crate::common::not_run;
use crate::running::{program, run, stderr};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Trains `runs/<model>` for a few iterations on the embedded digits.
pub fn train(dir: &Path, model: &str, steps: &str) {
    let arguments = ["--data", "digits", "--model", model, "--max-steps", steps, "--eval-every", "50"];
    let adam = ["--scale", "unit", "--optimizer", "adam", "--lr", "0.003", "--shuffle"];
    let output = run(dir, &[&arguments[..], &adam, &["--out", &format!("runs/{model}")]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
}

/// A running `play`, ended with the test.
pub struct Page {
    pub program: Child,
    /// Such as `http://127.0.0.1:40123/`.
    pub address: String,
}

impl Page {
    pub fn open(dir: &Path) -> Self {
        Self::open_with(dir, |command| command)
    }

    /// Likewise, with a command that `change` has changed.
    pub fn open_with(dir: &Path, change: impl FnOnce(&mut Command) -> &mut Command) -> Self {
        Self::opened(change(&mut program(dir, &["play", "--port", "0", "--no-browser"])))
    }

    /// The program again, at an address that it had before.
    pub fn open_again(dir: &Path, host: &str) -> Self {
        let (_, port) = host.split_once(':').unwrap();
        Self::opened(&mut program(dir, &["play", "--port", port, "--no-browser"]))
    }

    /// `command` is the program at `play`.
    pub fn opened(command: &mut Command) -> Self {
        let mut program = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut address = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { program, address: address.trim().to_owned() }
    }

    /// The host and port of its address.
    pub fn host(&self) -> &str {
        self.address.trim_start_matches("http://").trim_end_matches('/')
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// The answer's status and body. `body` makes it a POST.
pub fn ask(method: &str, url: &str, body: Option<&[u8]>) -> (u16, String) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).proxy(None).build().into();
    let mut reply = match (method, body) {
        ("GET", _) => agent.get(url).call(),
        ("DELETE", _) => agent.delete(url).call(),
        _ => agent.post(url).header("content-type", "application/json").send(body.unwrap_or_default()),
    }
    .unwrap();
    (reply.status().as_u16(), reply.body_mut().read_to_string().unwrap())
}

/// What the server sends back for these bytes, which may be no HTTP.
pub fn raw(page: &Page, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(page.host()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let _ = stream.write_all(bytes); // a refusal may come before the end
    let mut reply = Vec::new();
    let _ = stream.read_to_end(&mut reply);
    String::from_utf8_lossy(&reply).into_owned()
}

/// Fails where it does not answer any more.
pub fn alive(page: &Page) {
    let (status, runs) = ask("GET", &format!("{}api/runs", page.address), None);
    assert!(status == 200 && runs.contains("untrained"), "{runs}");
}

/// Chromium without a window, driven by the WebDriver protocol.
pub struct Browser {
    driver: Child,
    session: String,
}

impl Browser {
    /// Nothing where there is no Chromium; CI has to have one.
    pub fn start() -> Option<Self> {
        let chromium = Command::new("chromium").arg("--version").output();
        let (Ok((driver, port)), Ok(_)) = (Self::driver(), chromium) else {
            assert!(std::env::var_os("CI").is_none(), "CI has to run ./scripts/setup.sh --browser before the tests");
            not_run("chromium and chromedriver: ./scripts/setup.sh --browser");
            return None;
        };
        let driver_address = format!("http://127.0.0.1:{port}/session");
        let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments}, "goog:loggingPrefs": {"browser": "ALL"}}}});
        let mut browser = Self { driver, session: driver_address };
        let id = browser.post("", capabilities)["sessionId"].as_str().unwrap().to_owned();
        browser.session += &format!("/{id}");
        Some(browser)
    }

    /// A driver and its port. It ends at once where the port that it takes is another program's on one of its addresses: then
    /// the next one is tried.
    fn driver() -> std::io::Result<(Child, String)> {
        for _ in 0..5 {
            let mut command = Command::new("chromedriver");
            let mut driver = command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
            let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
            let port = lines.find_map(|line| Some(line.split_once("successfully on port ")?.1.to_owned()));
            if let Some(port) = port {
                std::thread::spawn(move || lines.for_each(drop));
                return Ok((driver, port.trim_end_matches('.').to_owned()));
            }
            let _ = driver.wait();
        }
        panic!("chromedriver does not start");
    }

    pub fn post(&self, command: &str, body: Value) -> Value {
        let (status, text) = ask("POST", &format!("{}{command}", self.session), Some(body.to_string().as_bytes()));
        assert_eq!(status, 200, "{command} {body}: {text}");
        serde_json::from_str::<Value>(&text).unwrap()["value"].take()
    }

    pub fn open(&self, address: &str) {
        self.post("/url", json!({ "url": address }));
    }

    /// Opens the page of `play` and waits until its start is over: it shows the first digit, and all that it asked is answered.
    pub fn open_page(&self, address: &str) {
        self.open(address);
        self.wait("document.querySelector('#origin')?.textContent.includes('image 0')");
        self.settle();
    }

    /// Width and height of the page, in pixels.
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500});
        self.post("/goog/cdp/execute", json!({"cmd": "Emulation.setDeviceMetricsOverride", "params": size}));
    }

    /// What JavaScript returns.
    pub fn script(&self, script: &str) -> Value {
        self.post("/execute/sync", json!({"script": script, "args": []}))
    }

    /// Waits until the browser has drawn the page a few times more.
    fn next_pictures(&self) {
        let script = "const [done] = arguments; let left = 4;
            const next = () => left-- > 0 ? requestAnimationFrame(next) : done(); next();";
        self.post("/execute/async", json!({"script": script, "args": []}));
    }

    /// Waits until all that was asked is answered. The browser passes the mouse's moves on with its next picture.
    pub fn settle(&self) {
        for _ in 0..3 {
            self.next_pictures();
            self.wait("busy === 0");
        }
    }

    /// Waits until JavaScript's expression is true.
    pub fn wait(&self, expression: &str) {
        let start = Instant::now();
        while self.script(&format!("return Boolean({expression})")) != true {
            let message = self.script("return document.querySelector('#message')?.textContent");
            assert!(start.elapsed() < Duration::from_secs(240), "{expression} did not come true; message: {message}");
            std::thread::sleep(Duration::from_millis(30));
        }
    }

    fn element(&self, selector: &str) -> String {
        let found = self.post("/element", json!({"using": "css selector", "value": selector}));
        found.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned()
    }

    pub fn text(&self, selector: &str) -> String {
        let script = format!("return document.querySelector({}).textContent", json!(selector));
        self.script(&script).as_str().unwrap().to_owned()
    }

    /// A command for an element. Where the page has put another in its place meanwhile, it goes to that one.
    fn element_post(&self, selector: &str, command: &str, body: Value) {
        for _ in 0..100 {
            let address = format!("{}/element/{}/{command}", self.session, self.element(selector));
            let (status, text) = ask("POST", &address, Some(body.to_string().as_bytes()));
            if !text.contains("stale element reference") {
                return assert_eq!(status, 200, "{command} of {selector}, {body}: {text}");
            }
        }
        panic!("{selector} is always another element");
    }

    pub fn click(&self, selector: &str) {
        self.element_post(selector, "click", json!({}));
    }

    pub fn keys(&self, selector: &str, text: &str) {
        self.element_post(selector, "value", json!({ "text": text }));
    }

    /// Replaces what stands in a field.
    pub fn fill(&self, selector: &str, text: &str) {
        self.element_post(selector, "clear", json!({}));
        self.keys(selector, text);
    }

    /// Moves the mouse over an element, from its middle, its button held down if `held`.
    pub fn mouse(&self, selector: &str, points: &[(i64, i64)], held: bool) {
        self.pointer("mouse", selector, points, held);
    }

    /// Draws on an element with a finger, from its middle.
    pub fn finger(&self, selector: &str, points: &[(i64, i64)]) {
        self.pointer("touch", selector, points, true);
    }

    /// Draws with two fingers at once.
    pub fn two_fingers(&self, selector: &str, first: &[(i64, i64)], second: &[(i64, i64)]) {
        let [mut first, mut second] = [first, second].map(|points| self.source("touch", selector, points, Some(0)));
        (first["id"], second["id"]) = ("first".into(), "second".into());
        self.post("/actions", json!({ "actions": [first, second] }));
    }

    /// Moves the mouse likewise, with this button held down: 1 is the middle one, 2 the right one.
    pub fn button(&self, selector: &str, points: &[(i64, i64)], button: u8) {
        self.post("/actions", json!({ "actions": [self.source("mouse", selector, points, Some(button))] }));
    }

    fn pointer(&self, kind: &str, selector: &str, points: &[(i64, i64)], held: bool) {
        self.post("/actions", json!({ "actions": [self.source(kind, selector, points, held.then_some(0))] }));
    }

    fn source(&self, kind: &str, selector: &str, points: &[(i64, i64)], held: Option<u8>) -> Value {
        let origin = json!({"element-6066-11e4-a52e-4f735466cecf": self.element(selector)});
        let mut actions: Vec<Value> = points
            .iter()
            .map(|(x, y)| json!({"type": "pointerMove", "duration": 20, "origin": origin, "x": x, "y": y}))
            .collect();
        if let Some(button) = held {
            actions.insert(1, json!({"type": "pointerDown", "button": button}));
            actions.push(json!({"type": "pointerUp", "button": button}));
        }
        json!({"type": "pointer", "id": kind, "parameters": {"pointerType": kind}, "actions": actions})
    }

    /// What the browser has complained of since the last call.
    pub fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", json!({"type": "browser"}));
        log.as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap().to_owned()).collect()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = std::panic::catch_unwind(|| ask("DELETE", &self.session, None));
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
