// The page of `play`. It draws what the program sends; all arithmetic of layers is done there, by libtorch.
"use strict";

const $ = (id) => document.getElementById(id);
const state = { run: "", weights: "", seen: new Uint8Array(784), answer: null, answers: 0, pick: null };

// ---- Talking to the program

async function ask(path, body) {
  const json = body !== undefined && !(body instanceof Blob) && !(body instanceof Uint8Array);
  const init = body === undefined ? {} : {
    method: "POST",
    headers: json ? { "Content-Type": "application/json" } : {},
    body: json ? JSON.stringify(body) : body,
  };
  let reply;
  try {
    reply = await fetch(path, init);
  } catch {
    throw new Error("The program does not answer any more. Start it again: cargo run --release -- play");
  }
  if (!reply.ok) throw new Error(await reply.text());
  return reply.json();
}

const choice = (more = {}) => "?" + new URLSearchParams({ run: state.run, weights: state.weights, ...more });
const say = (text) => { $("message").textContent = text; };

let busy = 0; // calls under way

// One call at a time, and of those that wait only the newest: answers never lag behind the pen.
function newest(work, refused = (error) => say(error.message)) {
  let running = false;
  let waiting = null;
  return async (...args) => {
    waiting = args;
    if (running) return;
    running = true;
    busy++;
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
    busy--;
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

// ---- Part 1: the drawing pad

const pad = $("pad");
const pen = pad.getContext("2d", { willReadFrequently: true });
pen.lineWidth = 9;
pen.lineCap = pen.lineJoin = "round";
const cursor = { x: 56, y: 56, down: false };

function wipe() {
  pen.fillStyle = "#000";
  pen.fillRect(0, 0, pad.width, pad.height);
}

function line(from, to) {
  pen.strokeStyle = "#fff";
  pen.beginPath();
  pen.moveTo(from.x, from.y);
  pen.lineTo(to.x, to.y);
  pen.stroke();
}

const classifyDrawing = newest(async () => {
  const png = await new Promise((done) => pad.toBlob(done, "image/png"));
  const answer = await ask("/api/picture" + choice(), png);
  if (answer.refused) $("doubt").textContent = "This is not yet a digit.";
  else show(answer);
});
const classifyPixels = newest(async () => show(await ask("/api/pixels" + choice(), state.seen)));

let stroke = null;
const place = (event) => {
  const box = pad.getBoundingClientRect();
  const share = (at, start, length) => (at - start - pad.clientLeft) / length * pad.width;
  return { x: share(event.clientX, box.left, pad.clientWidth), y: share(event.clientY, box.top, pad.clientHeight) };
};
pad.addEventListener("pointerdown", (event) => {
  pad.setPointerCapture(event.pointerId);
  stroke = place(event);
  line(stroke, stroke);
  drawn();
});
pad.addEventListener("pointermove", (event) => {
  if (!stroke) return;
  for (const part of event.getCoalescedEvents?.() ?? [event]) {
    const to = place(part);
    line(stroke, to);
    stroke = to;
  }
  drawn();
});
for (const end of ["pointerup", "pointercancel"]) pad.addEventListener(end, () => { stroke = null; });

pad.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: [-4, 0], ArrowRight: [4, 0], ArrowUp: [0, -4], ArrowDown: [0, 4] }[event.key];
  if (step) {
    const to = { x: Math.max(4, Math.min(108, cursor.x + step[0])), y: Math.max(4, Math.min(108, cursor.y + step[1])) };
    if (cursor.down) line(cursor, to);
    Object.assign(cursor, to);
    if (cursor.down) drawn();
  } else if (event.key === " ") {
    cursor.down = !cursor.down;
    if (cursor.down) {
      line(cursor, cursor);
      drawn();
    }
  } else if (/^[0-9]$/.test(event.key)) {
    example({ label: event.key });
  } else {
    return;
  }
  event.preventDefault();
  $("origin").textContent =
    `The pen is ${cursor.down ? "down" : "up"}, at ${Math.round(cursor.x / 4)}, ${Math.round(cursor.y / 4)} of 28, 28.`;
});

function drawn() {
  say("");
  $("origin").textContent = "Your drawing.";
  classifyDrawing();
}

$("clear").addEventListener("click", () => {
  wipe();
  state.seen = new Uint8Array(784);
  $("origin").textContent = "Empty. The network answers all the same: it knows nothing but digits.";
  classifyPixels();
});

const next = {};
const example = newest(async ({ mistake = false, label = "" }) => {
  const key = [state.run, mistake && state.weights, label].join();
  next[key] = (next[key] ?? -1) + 1;
  say("");
  const found = await ask("/api/digit" + choice({ index: next[key], mistake, ...(label && { label }) }));
  state.seen = Uint8Array.from(found.pixels);
  putOnPad(state.seen);
  const which = mistake ? `Mistake ${next[key] % found.count + 1} of ${found.count}: a` : "A";
  $("origin").textContent = `${which} ${found.label}, image ${found.index} of ${found.data}.`;
  await classifyPixels();
});
$("example").addEventListener("click", () => example({}));
$("mistake").addEventListener("click", () => example({ mistake: true }));

function putOnPad(pixels) {
  const small = element("canvas", { width: 28, height: 28 });
  paintGrey(small, pixels);
  wipe();
  pen.drawImage(small, 0, 0, pad.width, pad.height);
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
    const answer = await ask("/api/picture" + choice(), file);
    if (answer.refused) throw new Error(answer.refused);
    show(answer);
    putOnPad(state.seen);
    $("origin").textContent = `${file.name}, brought to MNIST's convention.`;
  } catch (error) {
    say(`${file.name}: ${error.message}`);
  }
  $("photo").value = "";
});

// ---- Part 1: the answer

function show(answer) {
  const { digit, sure, probabilities, layers } = answer;
  const anew = state.answer?.layers.map((l) => l.name + l.layer).join() !== layers.map((l) => l.name + l.layer).join();
  state.answer = answer;
  state.seen = Uint8Array.from(answer.seen);
  paintGrey($("seen"), answer.seen);
  $("digit").textContent = digit;
  $("sure").textContent = percent(probabilities[digit]);
  $("doubt").textContent = sure ? "" : "The network is not sure.";
  if (!$("probabilities").children.length) {
    $("probabilities").append(...probabilities.map((_, i) => element("div", { className: "bar", role: "listitem" },
      element("span", { textContent: i }), element("i", {}, element("b"), element("u", { hidden: true })), element("span"))));
  }
  probabilities.forEach((p, i) => {
    const bar = $("probabilities").children[i];
    bar.classList.toggle("best", i === digit);
    bar.querySelector("b").style.width = 100 * p + "%";
    bar.lastChild.textContent = percent(p);
  });
  if (anew) {
    state.pick = null;
    $("sum").replaceChildren(element("p", { className: "note", textContent: "Point at a pixel of any map." }));
    buildLayers(layers);
  }
  layers.forEach((_, i) => paintLayer(i));
  state.answers++;
  if (state.pick) explain();
}

// The answer of the network before, as outlines on the bars.
function remember() {
  const answer = state.answer;
  [...$("probabilities").children].forEach((bar, i) => {
    const outline = bar.querySelector("u");
    outline.hidden = false;
    outline.style.width = 100 * answer.probabilities[i] + "%";
  });
  if (answer) $("before").textContent = `Outlined: ${state.run}, ${state.weights} weights: ${answer.digit}, ${percent(answer.probabilities[answer.digit])}.`;
}

// ---- Part 1: the layers

const size = ({ shape: [channels, height = 1, width = 1] }) => ({ channels, height, width });

function buildLayers(layers) {
  $("layers").replaceChildren(...layers.map((layer, i) => {
    const canvas = element("canvas", { tabIndex: 0, role: "img" });
    canvas.setAttribute("aria-label", `Maps of ${layer.name}. Arrow keys choose a pixel, Page Up and Page Down a map.`);
    canvas.addEventListener("pointermove", (event) => pick(i, hit(i, event)));
    canvas.addEventListener("pointerdown", (event) => pick(i, hit(i, event)));
    canvas.addEventListener("keydown", (event) => step(i, event));
    const title = element("h3", {}, element("b", { textContent: layer.name }),
      ` ${layer.layer} → ${layer.shape.join("x")}`);
    const frames = element("div", { className: "frames" });
    return element("div", { className: "layer" }, title, element("div", { className: "map" }, canvas, frames));
  }));
}

// All maps of a layer beside each other, a pixel of the canvas for each of theirs and one between them.
function layout(i) {
  const { channels, height, width } = size(state.answer.layers[i]);
  const zoom = Number($("zoom").value);
  const room = Math.floor($("layers").clientWidth / zoom);
  const columns = Math.max(1, Math.min(channels, Math.floor((room + 1) / (width + 1))));
  return { channels, height, width, zoom, columns, rows: Math.ceil(channels / columns) };
}

function paintLayer(i) {
  const { channels, height, width, zoom, columns, rows } = layout(i);
  const canvas = $("layers").children[i].querySelector("canvas");
  const [across, down] = [columns * (width + 1) - 1, rows * (height + 1) - 1];
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  canvas.style.width = across * zoom + "px";
  canvas.style.height = down * zoom + "px";
  const image = new ImageData(across, down);
  const { maps } = state.answer.layers[i];
  let at = 0;
  for (let channel = 0; channel < channels; channel++) {
    const [left, top] = [channel % columns * (width + 1), Math.floor(channel / columns) * (height + 1)];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const [r, g, b] = colours[127 + maps[at++]];
        const to = 4 * ((top + y) * across + left + x);
        image.data[to] = r;
        image.data[to + 1] = g;
        image.data[to + 2] = b;
        image.data[to + 3] = 255;
      }
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

function hit(i, event) {
  const { channels, height, width, zoom, columns } = layout(i);
  const [x, y] = [Math.floor(event.offsetX / zoom), Math.floor(event.offsetY / zoom)];
  const channel = Math.floor(y / (height + 1)) * columns + Math.floor(x / (width + 1));
  if (channel < 0 || channel >= channels) return null;
  return { channel, row: Math.min(height - 1, y % (height + 1)), column: Math.min(width - 1, x % (width + 1)) };
}

function pick(i, pixel) {
  if (!pixel || (state.pick?.layer === i && ["channel", "row", "column"].every((key) => state.pick[key] === pixel[key]))) return;
  state.pick = { layer: i, ...pixel };
  explain();
}

function step(i, event) {
  const { channels, height, width } = layout(i);
  const now = state.pick?.layer === i ? { ...state.pick } : { channel: 0, row: height >> 1, column: width >> 1 };
  const flat = height * width === 1;
  const [dc, dr, dx] = { ArrowLeft: flat ? [-1, 0, 0] : [0, 0, -1], ArrowRight: flat ? [1, 0, 0] : [0, 0, 1], ArrowUp: [0, -1, 0],
    ArrowDown: [0, 1, 0], PageUp: [-1, 0, 0], PageDown: [1, 0, 0] }[event.key] ?? [];
  if (dc === undefined) return;
  event.preventDefault();
  const inside = (value, count) => Math.max(0, Math.min(count - 1, value));
  pick(i, { channel: inside(now.channel + dc, channels), row: inside(now.row + dr, height), column: inside(now.column + dx, width) });
}

// ---- Part 1: how a pixel comes about

const explain = newest(async () => {
  const { layer, channel, row, column } = state.pick;
  const { name, shape } = state.answer.layers[layer];
  const where = `${name}, map ${channel}` + (shape.length > 1 ? `, row ${row}, column ${column}` : "");
  if (layer === 0) {
    const grey = state.seen[28 * row + column];
    $("sum").replaceChildren(element("p", { textContent: where }), element("p", { className: "total", textContent: `pixel: ${grey} of 255` }));
    frames(null);
    return;
  }
  const sum = await ask("/api/sum" + choice({ layer: layer - 1, channel, row, column }), state.seen);
  if (state.pick?.layer !== layer) return;
  const before = size(state.answer.layers[layer - 1]);
  $("sum").replaceChildren(element("p", {}, element("b", { textContent: where })), ...describe(sum, before, state.answer.layers[layer - 1].name));
  frames(sum);
});

// Outlines the pixel, and its frame in the maps before.
function frames(sum) {
  document.querySelectorAll("#layers .frames").forEach((all) => all.replaceChildren());
  const { layer, channel, row, column } = state.pick;
  outline(layer, channel, row, column, 1, 1);
  if (!sum) return;
  const { channels, height, width } = size(state.answer.layers[layer - 1]);
  if (sum.frame.length * sum.height * sum.width > channels * height * width) return;
  const flat = sum.kernel && sum.height * sum.width === 1 && sum.frame.length === channels;
  for (let i = 0; i < sum.frame.length && !flat; i++) {
    outline(layer - 1, sum.first_channel + i, sum.row, sum.column, sum.height, sum.width);
  }
}

function outline(i, channel, row, column, height, width) {
  const { zoom, columns, ...map } = layout(i);
  const [left, top] = [channel % columns * (map.width + 1) + column, Math.floor(channel / columns) * (map.height + 1) + row];
  const frame = element("div", { className: "frame" });
  Object.assign(frame.style, { left: left * zoom - 2 + "px", top: top * zoom - 2 + "px", width: width * zoom + 4 + "px", height: height * zoom + 4 + "px" });
  $("layers").children[i].querySelector(".frames").append(frame);
}

// A frame's or kernel's numbers in their places. `largest` makes the colours.
function table(values, width, mark = () => "") {
  const largest = Math.max(...values.map((v) => Math.abs(v) || 0));
  const body = element("tbody");
  for (let start = 0; start < values.length; start += width) {
    body.append(element("tr", {}, ...values.slice(start, start + width).map((value, i) => {
      const cell = element("td", { textContent: short(value), className: mark(start + i, value) });
      paintCell(cell, value, largest);
      return cell;
    })));
  }
  return element("table", {}, body);
}

const readable = ([r, g, b]) => 0.3 * r + 0.59 * g + 0.11 * b > 130 ? "#111" : "#fff";
function paintCell(cell, value, largest) {
  const rgb = colour(value, largest);
  cell.style.background = `rgb(${rgb})`;
  cell.style.color = readable(rgb);
}

function describe(sum, before, name) {
  const { kind, height, width, frame, kernel, products, parts, bias, result, value } = sum;
  const total = (...text) => element("p", { className: "total" }, ...text);
  const strong = (n) => element("b", { textContent: format(n) });
  const number = (n) => typeof n === "number" && n < 0 ? `(${format(n)})` : format(n);
  const there = total("the layer's output here: ", Object.assign(strong(value), { className: "value" }));
  const outside = (i) => {
    const [y, x] = [sum.row + Math.floor(i / width), sum.column + i % width];
    return y < 0 || x < 0 || y >= before.height || x >= before.width ? "outside" : "";
  };
  const marks = sum.row < 0 || sum.column < 0 || sum.row + height > before.height || sum.column + width > before.width;
  const padding = marks && height * width > 1 && height <= before.height + 22
    ? [element("p", { className: "note", textContent: "Dashed: outside of the map, the zeros of the padding." })] : [];
  if (kind === "sum") {
    const terms = parts.length === 1 ? format(parts[0]) : `the ${parts.length} sums`;
    const head = total(`${terms} + bias ${number(bias)} = `, Object.assign(strong(result), { className: "result" }));
    if (height * width === 1) {
      const rows = parts.map((part, i) => element("tr", {}, ...[i, frame[i][0], kernel[i][0], part].map((n) => element("td", { textContent: format(n) }))));
      const titles = [`${name} map`, "value", "weight", "product"].map((textContent) => element("th", { textContent }));
      return [head, there, element("div", { className: "scroll" }, element("table", {}, element("thead", {}, element("tr", {}, ...titles)), element("tbody", {}, ...rows)))];
    }
    return [head, there, ...padding, ...parts.map((part, i) => element("div", { className: "channel" },
      ...(parts.length > 1 ? [element("span", { className: "from", textContent: `${name}, map ${i}: frame × kernel, added up` })]
        : [element("span", { className: "from", textContent: "frame × kernel, added up" })]),
      table(frame[i], width, marks ? outside : undefined), element("span", { textContent: "×" }), table(kernel[i], width),
      element("span", { textContent: "= " + format(part) })))];
  }
  const said = { maximum: "the largest number in the frame", mean: `the mean of the ${height * width} numbers in the frame`,
    "power average": "the numbers to the power norm_type, added up, and the root of that",
    relu: "max(x, 0): what is negative becomes 0", tanh: "the hyperbolic tangent",
    dropout: "as it was: numbers are dropped while the network is trained, and only then",
    "batch norm": "less the channel's running mean, divided by its running deviation, times its weight, plus its bias" }[kind] ?? kind;
  const largest = kind === "maximum" ? (_, v) => v === result ? "chosen" : "" : undefined;
  const powers = kind === "power average"
    ? [element("span", { textContent: "powers" }), table(products[0], width), element("span", { textContent: "sum " + format(parts[0]) })] : [];
  return [total(said + ": ", Object.assign(strong(result), { className: "result" })), there,
    element("div", { className: "channel" }, element("span", { className: "from", textContent: "frame" }), table(frame[0], width, largest), ...powers)];
}

// ---- Parts 2 and 3: a layer with arguments of one's own

const SMALL = {
  convolution: [[0, 0, 0, 0, 0, 0, 0], [0, 1, 2, 3, 2, 1, 0], [0, 2, 9, 9, 9, 2, 0], [0, 0, 0, 1, 9, 0, 0],
    [0, 0, 1, 9, 2, 0, 0], [0, 1, 9, 2, 0, 0, 0], [0, 2, 9, 0, 0, 0, 0]],
  pooling: [[0.1, 0.3, 0.2, 0.5, 0.4, 0.1], [0.8, 0.2, 0.6, 0.5, 0.9, 0.3], [0.4, 0.4, 0.1, 0.7, 0.2, 0.2],
    [0.4, 0.4, 0.3, 0.1, 0.6, 0.8], [0.9, 0.1, 0.5, 0.2, 0.3, 0.7], [0.2, 0.1, 0.5, 0.5, 0.4, 0.6]],
};
const PRESETS = {
  "vertical edges": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
  "horizontal edges": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
  "edges all around": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
  blur: [[0.0625, 0.125, 0.0625], [0.125, 0.25, 0.125], [0.0625, 0.125, 0.0625]],
  sharpen: [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
  "leave it as it is": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
};

class Bench {
  constructor(name) {
    this.name = name;
    this.root = $(name);
    this.root.append($("workbench").content.cloneNode(true));
    this.at = [0, 0];
    this.parts = {};
    for (const part of this.root.querySelectorAll("[data-is]")) this.parts[part.dataset.is] = part;
    this.kernel = PRESETS["vertical edges"];
    this.update = newest(() => this.compute(), (error) => this.refuse(error));
    this.parts.input.append(new Option("small numbers", "small"), new Option("your digit, 28x28", "digit"));
    for (const input of this.root.querySelectorAll(".controls input, .controls select")) {
      input.addEventListener(input.tagName === "SELECT" ? "change" : "input", () => this.changed(input));
    }
    for (const which of ["input-map", "output-map"]) {
      const canvas = this.parts[which];
      for (const kind of ["pointermove", "pointerdown"]) canvas.addEventListener(kind, (event) => this.point(which, event));
      canvas.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
        if (!step) return;
        event.preventDefault();
        this.go(this.at[0] + step[0], this.at[1] + step[1]);
      });
    }
    this.parts.move.addEventListener("click", () => this.move());
    if (this.parts.kernel) this.buildKernel();
  }

  changed(input) {
    if (input === this.parts.preset) {
      this.kernel = PRESETS[input.value] ?? this.own.kernels[input.selectedOptions[0].dataset.index];
      const [height, width] = [this.kernel.length, this.kernel[0].length];
      this.parts.kernel_size.value = height === width ? height : `${height}, ${width}`;
      this.buildKernel();
    } else if (input === this.parts.kernel_size && this.parts.kernel) {
      const pair = steps(input.value);
      const [height, width] = Array.isArray(pair) ? pair : [pair, pair];
      if ([height, width].every((side) => side >= 1 && side <= 11)) {
        const value = (y, x) => this.kernel[y]?.[x] ?? 0;
        this.kernel = Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => value(y, x)));
        this.buildKernel();
      }
    } else if (input === this.parts.slider) {
      this.parts.norm_type.value = Number((2 ** input.value).toPrecision(3));
    } else if (input === this.parts.norm_type) {
      this.parts.slider.value = Math.log2(input.value) || 0;
    }
    this.update();
  }

  buildKernel() {
    const width = this.kernel[0].length;
    const grid = this.parts.kernel;
    grid.style.gridTemplateColumns = `repeat(${width}, ${width > 5 ? "minmax(0, 1fr)" : "52px"})`;
    grid.replaceChildren(...this.kernel.flatMap((row, y) => row.map((value, x) => {
      const input = element("input", { value: format(value), inputMode: "decimal" });
      input.setAttribute("aria-label", `kernel, row ${y}, column ${x}`);
      input.addEventListener("input", () => {
        this.kernel = this.kernel.map((line, v) => line.map((old, u) => v === y && u === x ? decimal(input.value) : old));
        this.update();
      });
      return input;
    })));
  }

  // Those of the network chosen in part 1.
  async offerOwnKernels() {
    if (!this.parts.preset) return;
    this.own = await ask("/api/kernels" + choice());
    const own = this.own.kernels.map((_, i) => {
      const option = new Option(`${this.own.layer} of your network, kernel ${i}`, `own ${i}`);
      option.dataset.index = i;
      return option;
    });
    const chosen = this.parts.preset.value;
    this.parts.preset.replaceChildren(...Object.keys(PRESETS).map((name) => new Option(name)), ...own);
    if (chosen) this.parts.preset.value = chosen;
  }

  input() {
    if (this.parts.input.value === "small") return SMALL[this.name];
    const scale = this.name === "pooling" ? 255 : 1; // large powers of 255 leave what 32 bits can hold
    return Array.from({ length: 28 }, (_, y) => Array.from(state.seen.slice(28 * y, 28 * y + 28), (grey) => grey / scale));
  }

  async compute() {
    const value = (part, read) => {
      const found = this.parts[part] ? read(this.parts[part].value) : 0;
      if (found === null || Number.isNaN(found)) throw new Error(`${part}: expected a number${read === steps ? ", or a pair such as 3, 2" : ""}`);
      return found;
    };
    if (this.kernel.flat().some(Number.isNaN)) throw new Error("kernel: expected a number in each field");
    const layer = this.parts.layer?.value ?? "Conv2d";
    if (this.parts.power) this.parts.power.hidden = layer !== "LPPool2d";
    const input = this.input();
    const question = { layer, input, kernel: this.kernel, kernel_size: value("kernel_size", steps), stride: value("stride", steps),
      padding: value("padding", steps), bias: value("bias", decimal), norm_type: value("norm_type", decimal), at: this.at };
    const outcome = await ask("/api/arguments", question);
    if (this.at === question.at) this.at = outcome.at; // else the frame has moved on meanwhile
    this.last = { input, outcome, question };
    this.parts.refusal.textContent = "";
    this.parts.maps.classList.remove("stale");
    this.render();
  }

  refuse(error) {
    this.parts.refusal.textContent = error.message;
    this.parts.maps.classList.add("stale");
  }

  render() {
    const { input, outcome, question } = this.last;
    const { output, sum } = outcome;
    const [p, q] = [question.padding].flat().concat([question.padding].flat()).slice(0, 2);
    const room = Math.min(this.parts.maps.clientWidth, 460);
    const cell = Math.max(3, Math.min(44, Math.floor(room / (input[0].length + 2 * q))));
    this.geometry = { p, q, cell, step: [question.stride].flat().concat([question.stride].flat()).slice(0, 2) };
    const padded = Array.from({ length: input.length + 2 * p }, (_, y) =>
      Array.from({ length: input[0].length + 2 * q }, (_, x) => input[y - p]?.[x - q] ?? null));
    paint(this.parts["input-map"], padded, cell, [sum.row + p, sum.column + q, sum.height, sum.width]);
    paint(this.parts["output-map"], output, cell, [...outcome.at, 1, 1]);
    this.parts["input-size"].textContent = `${input.length}x${input[0].length}` + (p || q ? ` with padding ${format(p)}, ${format(q)}` : "");
    this.parts["output-size"].textContent = `${output.length}x${output[0].length}`;
    [this.parts.height.textContent, this.parts.width.textContent] = outcome.formulas;
    this.parts.python.textContent = outcome.python;
    this.parts.rust.textContent = outcome.rust;
    this.parts.sum.replaceChildren(element("p", {}, element("b", { textContent: `output, row ${outcome.at[0]}, column ${outcome.at[1]}` })),
      ...describe(sum, { height: input.length, width: input[0].length }, "input"));
    if (this.parts.words) this.parts.words.textContent = WORDS[question.layer](question.norm_type);
  }

  go(row, column) {
    const { output } = this.last.outcome;
    const inside = (value, count) => Math.max(0, Math.min(count - 1, value));
    this.at = [inside(row, output.length), inside(column, output[0].length)];
    this.update();
  }

  point(which, event) {
    if (!this.last) return;
    const { cell, step } = this.geometry;
    const { height, width } = this.last.outcome.sum;
    let [row, column] = [event.offsetY / cell, event.offsetX / cell];
    if (which === "input-map") [row, column] = [(row - height / 2) / step[0] + 0.5, (column - width / 2) / step[1] + 0.5];
    [row, column] = [Math.floor(row), Math.floor(column)];
    if (row !== this.at[0] || column !== this.at[1]) this.go(row, column);
  }

  // From the first pixel of the output to the last, in about eight seconds at most.
  move() {
    clearInterval(this.moving);
    const { output } = this.last.outcome;
    const [columns, count] = [output[0].length, output.length * output[0].length];
    let i = 0;
    this.moving = setInterval(() => {
      if (i >= count) return clearInterval(this.moving);
      this.go(Math.floor(i / columns), i % columns);
      i++;
    }, Math.max(15, Math.min(400, 8000 / count)));
  }
}

const WORDS = {
  MaxPool2d: () => "The maximum: the largest number under the frame.",
  AvgPool2d: () => "The mean: the sum of the numbers under the frame, divided by how many they are.",
  LPPool2d: (p) => p === 1 ? "norm_type 1 is the sum of the numbers under the frame. Make it larger: it moves from the sum towards the maximum."
    : p < 16 ? `norm_type ${p} is between the sum, norm_type 1, and the maximum, norm_type infinity: the larger it is, the more the largest number counts.`
    : `norm_type ${p}: close to the maximum. Very large powers leave what 32 bits can hold, and small numbers become 0.`,
};

// "3" is 3, "3, 2" and "(3, 2)" are [3, 2]; null is neither.
function steps(text) {
  const numbers = String(text).replace(/[()[\]\s]/g, "").split(/[,x;]/);
  const whole = numbers.map((n) => /^-?\d{1,6}$/.test(n) ? Number(n) : null);
  if (whole.includes(null) || whole.length > 2) return null;
  return whole.length === 1 ? whole[0] : whole;
}
const decimal = (text) => String(text).trim() === "" ? NaN : Number(text);

// Numbers as a map, with a frame [row, column, height, width]. What is null is padding.
function paint(canvas, rows, cell, [top, left, height, width]) {
  const [down, across] = [rows.length, rows[0].length];
  const sharp = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: (across * cell + 4) * sharp, height: (down * cell + 4) * sharp });
  canvas.style.width = across * cell + 4 + "px";
  const style = getComputedStyle(document.documentElement);
  const ink = canvas.getContext("2d");
  ink.scale(sharp, sharp);
  ink.translate(2, 2);
  ink.textAlign = "center";
  ink.textBaseline = "middle";
  ink.font = "14px system-ui, sans-serif";
  const largest = Math.max(...rows.flat().map((v) => Math.abs(v) || 0));
  rows.forEach((row, y) => row.forEach((value, x) => {
    const rgb = colour(value ?? 0, largest);
    ink.fillStyle = value === null ? style.getPropertyValue("--ground") : `rgb(${rgb})`;
    ink.fillRect(x * cell, y * cell, cell, cell);
    if (value === null || cell >= 12) {
      ink.strokeStyle = style.getPropertyValue("--line");
      ink.setLineDash(value === null ? [2, 2] : []);
      ink.strokeRect(x * cell + 0.5, y * cell + 0.5, cell - 1, cell - 1);
    }
    if (cell >= 28) {
      ink.fillStyle = value === null ? style.getPropertyValue("--soft") : readable(rgb);
      ink.fillText(short(value ?? 0), (x + 0.5) * cell, (y + 0.5) * cell, cell - 4);
    }
  }));
  ink.setLineDash([]);
  ink.lineWidth = 3;
  ink.strokeStyle = style.getPropertyValue("--frame");
  ink.strokeRect(left * cell, top * cell, width * cell, height * cell);
}

// ---- The whole page

const benches = ["convolution", "pooling"].map((name) => new Bench(name));

function turnTo() {
  const part = ["draw", "convolution", "pooling"].find((name) => location.hash === "#" + name) ?? "draw";
  for (const main of document.querySelectorAll("main")) main.hidden = main.id !== part;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === "#" + part) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  scrollTo(0, 0);
  repaint();
}

function repaint() {
  readColours();
  if (!$("draw").hidden && state.answer) {
    state.answer.layers.forEach((_, i) => paintLayer(i));
    if (state.pick) explain();
  }
  for (const bench of benches) if (!bench.root.hidden) bench.update();
}

function offerWeights() {
  const { weights } = state.runs.find((run) => run.name === $("run").value);
  $("weights").replaceChildren(...weights.map((name) => new Option(name, name)));
  if (weights.includes(state.weights)) $("weights").value = state.weights;
}

async function choose() {
  remember();
  Object.assign(state, { run: $("run").value, weights: $("weights").value });
  say("");
  await classifyPixels();
  for (const bench of benches) await bench.offerOwnKernels().catch((error) => say(error.message));
}

async function start() {
  readColours();
  wipe();
  if (innerWidth < 600) $("zoom").value = 2;
  state.runs = await ask("/api/runs");
  $("run").replaceChildren(...state.runs.map(({ name, title }) => new Option(`${name} (${title})`, name)));
  $("run").addEventListener("change", () => { offerWeights(); choose(); });
  $("weights").addEventListener("change", choose);
  $("zoom").addEventListener("input", repaint);
  addEventListener("hashchange", turnTo);
  addEventListener("resize", repaint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  offerWeights();
  await choose();
  turnTo();
  await example({});
}

start().catch((error) => say(error.message));
