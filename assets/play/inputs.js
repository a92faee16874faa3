// The tabs "Convolution" and "Pooling": what the layer is given, small numbers, the digit, or maps of the network.
"use strict";

const SMALL = {
  convolution: [[0, 0, 0, 0, 0, 0, 0], [0, 1, 2, 3, 2, 1, 0], [0, 2, 9, 9, 9, 2, 0], [0, 0, 0, 1, 9, 0, 0],
    [0, 0, 1, 9, 2, 0, 0], [0, 1, 9, 2, 0, 0, 0], [0, 2, 9, 0, 0, 0, 0]],
  pooling: [[0.1, 0.3, 0.2, 0.5, 0.4, 0.1], [0.8, 0.2, 0.6, 0.5, 0.9, 0.3], [0.4, 0.4, 0.1, 0.7, 0.2, 0.2],
    [0.4, 0.4, 0.3, 0.1, 0.6, 0.8], [0.9, 0.1, 0.5, 0.2, 0.3, 0.7], [0.2, 0.1, 0.5, 0.5, 0.4, 0.6]],
};
// What further maps of such an input are.
const TURNS = [["", (rows) => rows], ["mirrored", (rows) => rows.map((row) => [...row].reverse())],
  ["turned over", (rows) => [...rows].reverse()], ["turned round", (rows) => rows.map((row) => [...row].reverse()).reverse()]];

class Inputs {
  constructor(name, parts) {
    Object.assign(this, { name, parts });
    parts.input.append(new Option("small numbers", "small"), new Option("your digit, 28x28", "digit"));
  }

  // The layer that the maps are of, if it is one of the network's.
  get layer() {
    const layer = this.parts.input.value.match(/^layer (\d+)$/);
    return layer && Number(layer[1]);
  }

  // How many maps may be taken, from the first on.
  get most() {
    if (this.layer === null) return TURNS.length;
    return Math.min(MOST_INPUTS, size(state.answer.layers[this.layer]).channels - Number(this.parts.first.value));
  }

  // What goes into this layer.
  take(layer) {
    this.parts.input.value = `layer ${layer}`;
    this.parts.first.value = 0;
  }

  // Makes the fields' numbers fit what there is.
  limit() {
    const { first, first_label, in_channels } = this.parts;
    if (!first) return;
    first_label.hidden = this.layer === null;
    const last = this.layer === null ? 0 : size(state.answer.layers[this.layer]).channels - 1;
    first.max = last;
    const whole = Math.min(Math.max(Math.floor(first.value), 0), last);
    if (Number(first.value) !== whole) first.value = whole;
    in_channels.max = this.most;
    in_channels.value = Math.min(in_channels.value, this.most);
  }

  // Those of the network's layers whose maps have more than one pixel. Whether they are others than before.
  offer() {
    const { input } = this.parts;
    const { layers } = state.answer;
    const offered = layers.map(({ name, shape }) => `${name}, ${shape.join("x")}`);
    if (offered.join() === this.offered) return false;
    this.offered = offered.join();
    const chosen = input.value;
    [...input.options].slice(2).forEach((option) => option.remove());
    offered.forEach((name, layer) => {
      if (layers[layer].shape.length === 3 && layers[layer].shape[1] > 1) input.append(new Option(name, `layer ${layer}`));
    });
    input.value = chosen;
    if (input.selectedIndex < 0) input.value = "small";
    this.limit();
    return true;
  }

  // The maps, and what each is called.
  async maps(count) {
    const { layer } = this;
    if (layer !== null) {
      const first = Number(this.parts.first.value);
      const maps = await ask("/api/maps" + choice({ layer, first, count }), state.seen);
      return [maps, maps.map((_, i) => `${i}: map ${first + i}`)];
    }
    const scale = this.name === "pooling" ? 255 : 1; // large powers of 255 leave what 32 bits can hold
    const digit = () => Array.from({ length: 28 }, (_, y) => Array.from(state.seen.slice(28 * y, 28 * y + 28), (grey) => grey / scale));
    const rows = this.parts.input.value === "small" ? SMALL[this.name] : digit();
    const turns = TURNS.slice(0, count);
    return [turns.map(([, turn]) => turn(rows)), turns.map(([name], i) => i + (name && `: ${name}`))];
  }
}
