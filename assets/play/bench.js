// The tabs "Convolution" and "Pooling": a layer with arguments of one's own.
"use strict";

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
