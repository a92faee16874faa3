// The tabs "Convolution" and "Pooling": a layer with arguments of one's own.
"use strict";

class Bench {
  constructor(name) {
    this.name = name;
    this.root = $(name);
    this.root.append($("workbench").content.cloneNode(true));
    this.at = [0, 0, 0];
    this.parts = {};
    for (const part of this.root.querySelectorAll("[data-is]")) this.parts[part.dataset.is] = part;
    this.kernelSize = this.parts.kernel_size.value; // not what is being typed
    this.update = newest(() => this.compute(), (error) => this.refuse(error));
    this.take = newest((name) => this.takeKernel(name), (error) => this.refuse(error));
    this.inputs = new Inputs(name, this.parts);
    if (this.parts.kernel) this.kernels = new Kernels(this.parts, () => this.update());
    for (const input of this.root.querySelectorAll(".controls input, .controls select")) {
      // While 11 is typed the kernel does not shrink to 1.
      const isWhole = input.tagName === "SELECT" || (this.kernels && input === this.parts.kernel_size);
      input.addEventListener(isWhole ? "change" : "input", () => this.changed(input));
    }
    for (const which of ["input-map", "output-map"]) {
      const canvas = this.parts[which];
      for (const kind of ["pointermove", "pointerdown"]) canvas.addEventListener(kind, (event) => this.point(which, event));
      canvas.addEventListener("keydown", (event) => {
        const step = { ArrowLeft: [0, 0, -1], ArrowRight: [0, 0, 1], ArrowUp: [0, -1, 0], ArrowDown: [0, 1, 0],
          PageUp: [-1, 0, 0], PageDown: [1, 0, 0] }[event.key];
        if (!step) return;
        event.preventDefault();
        this.go(...this.at.map((now, dim) => now + step[dim]));
      });
    }
    this.parts.move.addEventListener("click", () => this.move());
  }

  changed(input) {
    const { parts, kernels } = this;
    if (input === parts.preset) return this.take(input.value);
    if (input === parts.kernel_size) this.kernelSize = input.value;
    if (input === parts.kernel_size && kernels) {
      const [height, width] = both(steps(input.value));
      if ([height, width].every((side) => side >= 1 && side <= MOST_SIDE)) kernels.resize(height, width);
    } else if (input === parts.slider) {
      parts.norm_type.value = Number((2 ** input.value).toPrecision(3));
    } else if (input === parts.norm_type) {
      parts.slider.value = Math.log2(input.value) || 0;
    } else if (input === parts.out_channels || input === parts.in_channels) {
      this.count();
    } else if (input === parts.input || input === parts.first) {
      this.inputs.limit();
      this.count();
    }
    this.update();
  }

  // What is no number of channels is refused when all is computed.
  count() {
    if (!this.kernels) return;
    const [inputs, outputs] = [this.parts.in_channels, this.parts.out_channels].map((field) => Number(field.value));
    if (Number.isInteger(inputs) && inputs >= 1 && inputs <= this.inputs.most && [1, 2, 3, 4].includes(outputs)) {
      this.kernels.count(inputs, outputs);
    }
  }

  // A kernel brings the fields along: its size, and where it is a network's for several maps also these.
  async takeKernel(name) {
    await this.kernels.take(name);
    const { kernel_size, in_channels } = this.parts;
    const { all, own } = this.kernels;
    const { rows } = all[0][0];
    kernel_size.value = rows.length === rows[0].length ? rows.length : `${rows.length}, ${rows[0].length}`;
    this.kernelSize = kernel_size.value;
    const convolution = own.find(({ layer }) => String(layer) === name.split(" ")[0]);
    if (convolution && all[0].length > this.inputs.most) this.inputs.take(convolution.layer);
    in_channels.value = all[0].length;
    this.inputs.limit();
    this.count();
    this.update();
  }

  async offerOwnKernels() {
    if (!this.kernels) return;
    await this.kernels.offer();
    this.update();
  }

  async compute() {
    const value = (part, read, text = this.parts[part]?.value ?? "0") => {
      const found = read(text);
      if (found === null || Number.isNaN(found)) throw new Error(`${part}: expected a number${read === steps ? ", or a pair such as 3, 2" : ""}`);
      return found;
    };
    const channels = (part, most) => {
      const found = this.parts[part] ? Number(this.parts[part].value) : 1;
      if (!(Number.isInteger(found) && found >= 1 && found <= most)) throw new Error(`${part}: expected a whole number from 1 to ${most}`);
      return found;
    };
    if (this.kernels && state.answer && this.inputs.offer()) this.count();
    const kernel = this.kernels?.all.map((kernels) => kernels.map(({ rows }) => rows)) ?? [];
    if (kernel.flat(3).some(Number.isNaN)) throw new Error("kernel: expected a number in each field");
    const bias = this.kernels?.biases.map(decimal) ?? [];
    if (bias.some(Number.isNaN)) throw new Error("bias: expected a number");
    const layer = this.parts.layer?.value ?? "Conv2d";
    if (this.parts.power) this.parts.power.hidden = layer !== "LPPool2d";
    channels("out_channels", 4);
    const [input, labels] = await this.inputs.maps(channels("in_channels", this.inputs.most));
    const question = { layer, input, kernel, kernel_size: value("kernel_size", steps, this.kernelSize), stride: value("stride", steps),
      padding: value("padding", steps), bias, norm_type: layer === "LPPool2d" ? value("norm_type", decimal) : 1, at: this.at };
    const outcome = await ask("/api/arguments", question);
    if (this.at === question.at) this.at = outcome.at; // else the frame has moved on meanwhile
    this.last = { input, labels, outcome, question };
    write(this.parts.refusal, "");
    this.invalid();
    this.root.classList.remove("stale");
    this.render();
  }

  // A refusal begins with the name of its field, and is told above it: below it a telephone may have the panel.
  refuse({ message }) {
    const { [message.startsWith("a kernel") ? "kernel_size" : message.match(/^\w*/)[0]]: field, refusal } = this.parts;
    this.invalid(field);
    field?.closest(".controls > *").before(refusal);
    write(refusal, message);
    if (field && field === document.activeElement) field.scrollIntoView({ block: "nearest" });
    this.root.classList.add("stale");
  }

  invalid(field) {
    this.root.querySelector("[aria-invalid]")?.removeAttribute("aria-invalid");
    field?.setAttribute("aria-invalid", true);
  }

  render() {
    const { input, labels, outcome, question } = this.last;
    const { output, sum, at: [channel, row, column] } = outcome;
    const [p, q] = both(question.padding);
    const padded = input.map((rows) => Array.from({ length: rows.length + 2 * p }, (_, y) =>
      Array.from({ length: rows[0].length + 2 * q }, (_, x) => rows[y - p]?.[x - q] ?? null)));
    const grid = (maps) => ({ count: maps.length, down: maps[0].length, across: maps[0][0].length });
    const grids = [grid(padded), grid(output)];
    // Without a column of its own for the sum, input and output are below each other.
    const areBeside = innerWidth > 1000;
    const height = areBeside ? this.parts.maps.parentElement.clientHeight - 260 : 360;
    const { cell, columns } = roomiest(grids, { width: this.parts.maps.clientWidth - (areBeside ? 24 : 0), height }, areBeside);
    this.grids = { "input-map": { ...grids[0], cell, columns: columns[0] }, "output-map": { ...grids[1], cell, columns: columns[1] } };
    this.geometry = { p, q, step: both(question.stride) };
    const frame = [sum.row + p, sum.column + q, sum.height, sum.width];
    paint(this.parts["input-map"], padded, this.grids["input-map"], labels, padded.map(() => frame));
    const pixel = (_, map) => map === channel ? [row, column, 1, 1] : null;
    paint(this.parts["output-map"], output, this.grids["output-map"], output.map((_, map) => map), output.map(pixel));
    const times = (maps) => maps.length > 1 ? `${maps.length} maps of ` : "";
    this.parts["input-size"].textContent = `${times(input)}${input[0].length}x${input[0][0].length}` + (p || q ? ` with padding ${format(p)}, ${format(q)}` : "");
    this.parts["output-size"].textContent = `${times(output)}${output[0].length}x${output[0][0].length}`;
    [this.parts.height.textContent, this.parts.width.textContent] = outcome.formulas;
    this.parts.python.textContent = outcome.python;
    this.parts.rust.textContent = outcome.rust;
    const where = `output${output.length > 1 ? `, map ${channel}` : ""}, row ${row}, column ${column}`;
    explainIn(this.parts.sum, where, describe(sum, { height: input[0].length, width: input[0][0].length }, "input"));
    if (this.parts.words) write(this.parts.words, WORDS[question.layer](question.norm_type));
  }

  go(channel, row, column) {
    const { output } = this.last.outcome;
    const inside = (value, count) => Math.max(0, Math.min(count - 1, value));
    this.at = [inside(channel, output.length), inside(row, output[0].length), inside(column, output[0][0].length)];
    this.update();
  }

  point(which, event) {
    if (!this.last) return;
    const { step } = this.geometry;
    const { height, width } = this.last.outcome.sum;
    let [channel, row, column] = under(event.offsetX, event.offsetY, this.grids[which]);
    if (which === "input-map") {
      [channel, row, column] = [this.at[0], (row - height / 2) / step[0] + 0.5, (column - width / 2) / step[1] + 0.5];
    }
    [row, column] = [Math.floor(row), Math.floor(column)];
    if ([channel, row, column].join() !== this.at.join()) this.go(channel, row, column);
  }

  // From the first pixel of an output map to its last, in about eight seconds at most.
  move() {
    clearInterval(this.moving);
    const [rows] = this.last.outcome.output;
    const [columns, count] = [rows[0].length, rows.length * rows[0].length];
    let i = 0;
    this.moving = setInterval(() => {
      if (i >= count) return clearInterval(this.moving);
      this.go(this.at[0], Math.floor(i / columns), i % columns);
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

// Height and width.
const both = (steps) => Array.isArray(steps) ? steps : [steps, steps];
