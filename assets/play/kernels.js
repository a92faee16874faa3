// The tab "Convolution": the kernels, one for each map of the output and each map of the input, and the biases.
"use strict";

const PRESETS = {
  "vertical edges": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
  "horizontal edges": [[-1, -2, -1], [0, 0, 0], [1, 2, 1]],
  "edges all around": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
  blur: [[0.0625, 0.125, 0.0625], [0.125, 0.25, 0.125], [0.0625, 0.125, 0.0625]],
  sharpen: [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
  "no change": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
};
const YOURS = "your own";
const MOST_INPUTS = 16;
const MOST_SIDE = 11;

class Kernels {
  constructor(parts, changed) {
    Object.assign(this, { parts, changed });
    // By output map, then by input map: the numbers, and what they are called.
    this.all = [[{ name: "vertical edges", rows: PRESETS["vertical edges"] }]];
    this.biases = ["0"];
    this.own = [];
    parts.bias.addEventListener("input", () => { this.biases[this.chosen[0]] = parts.bias.value; });
    for (const select of [parts.of_output, parts.of_input]) select.addEventListener("change", () => this.show());
    this.show();
  }

  get chosen() {
    return [Number(this.parts.of_output.value), Number(this.parts.of_input.value)];
  }

  // Shows the chosen kernel, and which others there are.
  show() {
    const { preset, bias, pair, of_output, of_input, kernel } = this.parts;
    for (const [select, count] of [[of_output, this.all.length], [of_input, this.all[0].length]]) {
      const chosen = Math.min(Number(select.value), count - 1);
      select.replaceChildren(...Array.from({ length: count }, (_, i) => new Option(i, i)));
      select.value = chosen;
    }
    pair.hidden = this.all.length * this.all[0].length === 1;
    const [o, i] = this.chosen;
    const { name, rows } = this.all[o][i];
    preset.value = name;
    bias.value = this.biases[o];
    kernel.style.gridTemplateColumns = `repeat(${rows[0].length}, ${rows[0].length > 5 ? "minmax(0, 1fr)" : "52px"})`;
    kernel.replaceChildren(...rows.flatMap((row, y) => row.map((value, x) => {
      const input = element("input", { value: short(value), inputMode: "decimal" });
      input.setAttribute("aria-label", `kernel, row ${y}, column ${x}`);
      input.addEventListener("input", () => {
        const typed = this.all[o][i].rows.map((line, v) => line.map((old, u) => v === y && u === x ? decimal(input.value) : old));
        this.all[o][i] = { name: YOURS, rows: typed };
        preset.value = YOURS;
        this.changed();
      });
      return input;
    })));
  }

  // All kernels have one size: what is new in them is 0.
  resize(height, width) {
    this.all = this.all.map((kernels) => kernels.map(({ name, rows }) => {
      if (rows.length === height && rows[0].length === width) return { name, rows };
      return { name: YOURS, rows: Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => rows[y]?.[x] ?? 0)) };
    }));
    this.show();
  }

  count(inputs, outputs) {
    const names = Object.keys(PRESETS);
    const { length } = this.all[0][0].rows;
    const preset = (o) => ({ name: names[o], rows: PRESETS[names[o]] });
    const first = (o) => length === 3 && this.all[0][0].rows[0].length === 3 ? preset(o) : this.all[0][0];
    this.all = Array.from({ length: outputs }, (_, o) => Array.from({ length: inputs }, (_, i) =>
      this.all[o]?.[i] ?? this.all[o]?.[0] ?? first(o)));
    this.biases = Array.from({ length: outputs }, (_, o) => this.biases[o] ?? "0");
    this.show();
  }

  // A kernel by its name, for the chosen maps; a network's are for all maps of its input.
  async take(name) {
    const [o, i] = this.chosen;
    if (name === YOURS) {
      this.all[o][i] = { ...this.all[o][i], name };
    } else if (PRESETS[name]) {
      this.all[o][i] = { name, rows: PRESETS[name] };
    } else {
      const [layer, channel] = name.split(" ");
      const { weight, bias } = await ask("/api/kernel" + choice({ layer, channel }));
      this.count(weight.length, this.all.length);
      this.all[o] = weight.map((rows) => ({ name, rows }));
      this.biases[o] = String(bias);
    }
    const { rows } = this.all[o][i] ?? this.all[o][0];
    this.resize(rows.length, rows[0].length);
  }

  // Those of the network that is chosen in the tab "Draw". What was taken of another is no longer called by its name.
  async offer() {
    const all = await ask("/api/convolutions" + choice());
    this.own = all.filter(({ shape: [, inputs, ...sides] }) => inputs <= MOST_INPUTS && sides.every((side) => side <= MOST_SIDE));
    const groups = this.own.map(({ layer, name, shape: [outputs, inputs] }) => {
      const kernel = (_, channel) => new Option(`${name}, kernel ${channel}`, `${layer} ${channel}`);
      const label = `${name} of your network` + (inputs > 1 ? `, for ${inputs} maps` : "");
      return element("optgroup", { label }, ...Array.from({ length: outputs }, kernel));
    });
    this.parts.preset.replaceChildren(...[...Object.keys(PRESETS), YOURS].map((name) => new Option(name, name)), ...groups);
    for (const kernel of this.all.flat()) if (!PRESETS[kernel.name]) kernel.name = YOURS;
    this.show();
  }
}
