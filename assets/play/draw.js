// The tab "Draw": the drawing pad, and the network's answer.
"use strict";

const pad = $("pad");
const pen = pad.getContext("2d", { willReadFrequently: true });
pen.lineWidth = 9;
pen.lineCap = pen.lineJoin = "round";
const cursor = { x: 56, y: 56, down: false }; // the pen of the keyboard
let given = false; // whether the digit on the pad was put there, and not drawn
let cleared = 0; // how often the pad has got another digit: an answer that comes after that belongs to one that is gone
let changed = 0; // and how often it has changed: a digit that was asked for before that comes too late

function wipe() {
  cleared++;
  changed++;
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, pad.width, pad.height);
  given = false;
  state.seen = new Uint8Array(784);
  cursor.down = false;
  showCursor();
}

function showCursor() {
  Object.assign($("cursor").style, { left: cursor.x / pad.width * 100 + "%", top: cursor.y / pad.height * 100 + "%" });
  $("cursor").classList.toggle("down", cursor.down);
}

// A drawing is the pupil's own: a digit that was put on the pad makes room for the first stroke.
function line(from, to) {
  if (given) wipe();
  changed++;
  pen.strokeStyle = "#fff";
  pen.beginPath();
  pen.moveTo(from.x, from.y);
  pen.lineTo(to.x + 0.01, to.y); // a line of no length would be no dot
  pen.stroke();
}

const classifyDrawing = newest(async () => {
  const before = cleared;
  // Not `toBlob`: it may wait for the browser to be idle, a second long.
  const png = Uint8Array.from(atob(pad.toDataURL().split(",")[1]), (byte) => byte.charCodeAt(0));
  const answer = await answerTo("/api/picture", png);
  if (before !== cleared) return;
  if (!answer.refused) return take(answer);
  // What is shown may be the answer to a digit that is gone.
  if (!isSeen(state.seen)) await answerPixels();
  write($("doubt"), "This is not yet a digit.");
});
const classifyPixels = newest(answerPixels);

async function answerPixels() {
  if (isTrained()) return look();
  let [asked, answer] = [];
  do {
    asked = state.seen;
    answer = await answerTo("/api/pixels", asked);
  } while (asked !== state.seen); // meanwhile the pad has got another digit
  show(answer);
}

// While a training is looked at, its network answers.
async function take(answer) {
  if (!isTrained()) return show(answer);
  state.seen = Uint8Array.from(answer.seen);
  await look();
}

// An answer, and whose it is: the run may be changed before it is there.
async function answerTo(path, picture) {
  const network = `${state.run}, ${state.weights} weights`;
  return { ...await ask(path + choice(), picture), network };
}

// Whether these are the pixels that the answer shown belongs to.
const isSeen = (pixels) => state.answer !== null && state.answer.seen.every((grey, i) => grey === pixels[i]);

let stroke = null; // the pointer that draws, and where it has got to
const place = (event) => {
  const box = pad.getBoundingClientRect();
  const share = (at, start, length) => (at - start - pad.clientLeft) / length * pad.width;
  return { x: share(event.clientX, box.left, pad.clientWidth), y: share(event.clientY, box.top, pad.clientHeight) };
};
// One finger draws, and of a mouse the first button.
pad.addEventListener("pointerdown", (event) => {
  if (!event.isPrimary || event.button !== 0) return;
  pad.setPointerCapture(event.pointerId);
  stroke = { pointer: event.pointerId, ...place(event) };
  line(stroke, stroke);
  drawn();
});
pad.addEventListener("pointermove", (event) => {
  if (stroke?.pointer !== event.pointerId) return;
  for (const part of event.getCoalescedEvents?.() ?? [event]) {
    const to = place(part);
    line(stroke, to);
    Object.assign(stroke, to);
  }
  drawn();
});
for (const end of ["pointerup", "pointercancel"]) {
  pad.addEventListener(end, ({ pointerId }) => { if (stroke?.pointer === pointerId) stroke = null; });
}

pad.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-4, 0], ArrowRight: [4, 0], ArrowUp: [0, -4], ArrowDown: [0, 4] }[event.key];
  if (step) {
    const to = { x: Math.max(4, Math.min(108, cursor.x + step[0])), y: Math.max(4, Math.min(108, cursor.y + step[1])) };
    if (cursor.down) line(cursor, to);
    Object.assign(cursor, to);
    if (cursor.down) drawn();
  } else if (event.key === " ") {
    const down = !cursor.down;
    if (down) {
      line(cursor, cursor);
      drawn();
    }
    cursor.down = down; // the first stroke on a given digit has wiped it, and lifted the pen
  } else if (/^[0-9]$/.test(event.key)) {
    example({ label: event.key });
  } else {
    return;
  }
  event.preventDefault();
  showCursor();
  $("origin").textContent =
    `The pen is ${cursor.down ? "down" : "up"}, at ${Math.round(cursor.x / 4)}, ${Math.round(cursor.y / 4)} of 28, 28.`;
});

function drawn() {
  say("");
  write($("origin"), "Your drawing.");
  classifyDrawing();
}

$("clear").addEventListener("click", () => {
  wipe();
  $("origin").textContent = "Empty. The network answers all the same: it knows nothing but digits.";
  classifyPixels();
});

const next = {};
const example = newest(async ({ mistake = false, label = "" }) => {
  const ofTraining = mistake && isTrained(); // its network has other mistakes than the run that is chosen
  const key = ofTraining ? training.id : [state.run, mistake && state.weights, label].join();
  next[key] = (next[key] ?? -1) + 1;
  say("");
  const before = changed;
  const found = ofTraining ? await mistakeLeft(next[key])
    : await ask("/api/digit" + choice({ index: next[key], mistake, ...(label && { label }) }));
  if (before !== changed) return;
  putOnPad(Uint8Array.from(found.pixels));
  const which = mistake ? `Mistake ${next[key] % found.count + 1} of ${found.count}: a` : "A";
  $("origin").textContent = `${which} ${found.label}, ${found.from ?? `image ${found.index} of ${found.data}`}.`;
  await classifyPixels();
});
$("example").addEventListener("click", () => example({}));
$("mistake").addEventListener("click", () => example({ mistake: true }));

function putOnPad(pixels) {
  const small = element("canvas", { width: 28, height: 28 });
  paintGrey(small, pixels);
  wipe();
  pen.drawImage(small, 0, 0, pad.width, pad.height);
  state.seen = pixels;
  given = true;
}

function paintGrey(canvas, pixels) {
  const image = new ImageData(28, 28);
  pixels.forEach((grey, i) => image.data.set([grey, grey, grey, 255], 4 * i));
  canvas.getContext("2d").putImageData(image, 0, 0);
}

$("photo").addEventListener("change", async () => {
  const [file] = $("photo").files;
  if (!file) return;
  try {
    say("");
    const before = changed;
    const answer = await answerTo("/api/picture", file);
    if (answer.refused) throw new Error(answer.refused);
    if (before === changed) {
      putOnPad(Uint8Array.from(answer.seen));
      $("origin").textContent = `${file.name}, centred and scaled as in MNIST.`;
      await take(answer);
    }
  } catch (error) {
    say(`${file.name}: ${error.message}`);
  }
  $("photo").value = "";
});

// ---- The answer

function show(answer) {
  const { digit, sure, probabilities, layers } = answer;
  const anew = state.answer?.layers.map((l) => l.name + l.layer).join() !== layers.map((l) => l.name + l.layer).join();
  outlineBefore(answer);
  state.answer = answer;
  state.seen = Uint8Array.from(answer.seen);
  paintGrey($("seen"), answer.seen);
  $("digit").textContent = digit;
  $("sure").textContent = percent(probabilities[digit]);
  write($("doubt"), sure ? "" : "The network is not sure.");
  if ($("probabilities").children.length !== probabilities.length) {
    $("probabilities").replaceChildren(...probabilities.map((_, i) => element("div", { className: "bar", role: "listitem" },
      element("span", { textContent: i }), element("i", {}, element("b"), element("u", { hidden: true })), element("span"))));
  }
  probabilities.forEach((p, i) => {
    const bar = $("probabilities").children[i];
    bar.classList.toggle("best", i === digit);
    bar.querySelector("b").style.width = 100 * p + "%";
    bar.lastChild.textContent = percent(p);
  });
  if (anew) {
    forgetPick();
    buildLayers(layers);
  }
  paintLayers();
  state.answers++;
  if (state.pick) explain();
}

// The answer that another network gave to the same pixels, as outlines on the bars; with other pixels it goes.
function outlineBefore(answer) {
  if (!isSeen(answer.seen)) state.before = null;
  else if (state.answer.network !== answer.network) state.before = state.answer;
  const { before } = state;
  [...$("probabilities").children].forEach((bar, i) => {
    const outline = bar.querySelector("u");
    outline.hidden = !before;
    if (before) outline.style.width = 100 * before.probabilities[i] + "%";
  });
  $("before").textContent = before ? `Outlined: ${before.network}: ${before.digit}, ${percent(before.probabilities[before.digit])}.` : "";
}
