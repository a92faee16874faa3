// What every part of the page uses: talking to the program, and small things for drawing. The page computes no layer:
// all such arithmetic is done by the program, by libtorch.
"use strict";

const $ = (id) => document.getElementById(id);
const state = { run: "", weights: "", live: false, seen: new Uint8Array(784), answer: null, before: null, answers: 0, pick: null };

// ---- Talking to the program

const NO_ANSWER = "The program does not answer any more. Start it again: cargo run --release -- play";

let busy = 0; // questions under way

async function ask(path, body) {
  const json = body !== undefined && !(body instanceof Blob) && !(body instanceof Uint8Array);
  const init = body === undefined ? {} : {
    method: "POST",
    headers: json ? { "Content-Type": "application/json" } : {},
    body: json ? JSON.stringify(body) : body,
  };
  busy++;
  try {
    const reply = await fetch(path, init).catch(() => { throw new Error(NO_ANSWER); });
    if ($("message").textContent === NO_ANSWER) say("");
    if (!reply.ok) throw new Error(await reply.text());
    return await reply.json();
  } finally {
    busy--;
  }
}

const choice = (more = {}) => "?" + new URLSearchParams({ run: state.run, weights: state.weights, ...more });
const say = (text) => write($("message"), text);

// What is live is read out again when the same words are put there again.
function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

// One call at a time, and of those that wait only the newest: answers never lag behind the pen.
function newest(work, refused = (error) => say(error.message)) {
  let running = false;
  let waiting = null;
  return async (...args) => {
    waiting = args;
    if (running) return;
    running = true;
    while (waiting) {
      const next = waiting;
      waiting = null;
      try {
        await work(...next);
      } catch (error) {
        refused(error);
      }
    }
    running = false;
  };
}

// ---- Small things for drawing

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

const format = (n) => typeof n === "string" ? n : String(Number(n.toPrecision(4)));
const short = (n) => typeof n === "string" ? n : String(Number(n.toPrecision(3)));
const percent = (p) => typeof p === "string" ? p : (100 * p).toFixed(2) + " %";

let colours = [];
// From the negative end over zero to the positive end: 255 colours, that of value v (-127 to 127) at v + 127.
function readColours() {
  const style = getComputedStyle(document.documentElement);
  const rgb = (name) => style.getPropertyValue(name).trim().match(/[0-9a-f]{2}/gi).map((hex) => parseInt(hex, 16));
  const [minus, zero, plus] = ["--minus", "--zero", "--plus"].map(rgb);
  colours = Array.from({ length: 255 }, (_, i) => {
    const [end, share] = [i < 127 ? minus : plus, Math.abs(i - 127) / 127];
    return zero.map((from, channel) => Math.round(from + share * (end[channel] - from)));
  });
}
const colour = (value, largest) =>
  typeof value === "string" ? [128, 128, 128] : colours[127 + Math.round(127 * Math.max(-1, Math.min(1, value / (largest || 1))))];
