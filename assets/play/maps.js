// The tab "Draw": every layer's maps, and how one of their pixels is computed.
"use strict";

const size = ({ shape: [channels = 1, height = 1, width = 1] }) => ({ channels, height, width });

function buildLayers(layers) {
  $("layers").replaceChildren(...layers.map((layer, i) => {
    const title = element("h3", {}, element("b", { textContent: layer.name }),
      element("span", { className: "listed", textContent: ` ${layer.layer} →` }), ` ${layer.shape.join("x")}`);
    if (i === layers.length - 1) return element("div", { className: "layer" }, title, ...buildLogits(i));
    const canvas = element("canvas", { tabIndex: 0, role: "application" });
    canvas.setAttribute("aria-label", `Maps of ${layer.name}. Arrow keys choose a pixel, Page Up and Page Down a map.`);
    canvas.addEventListener("pointermove", (event) => pick(i, hit(i, event)));
    canvas.addEventListener("pointerdown", (event) => pick(i, hit(i, event)));
    canvas.addEventListener("keydown", (event) => step(i, event));
    const frames = element("div", { className: "frames" });
    return element("div", { className: "layer" }, title, element("div", { className: "map" }, canvas, frames));
  }));
  $("layers").append(lines);
}

function paintLayers() {
  if ($("draw").classList.contains("at-once") && !state.live) arrange();
  state.answer.layers.forEach((_, i) => paintLayer(i));
}

// All maps of a layer beside each other, a pixel of the canvas for each of theirs and one between them.
function layout(i) {
  const { channels, height, width } = size(state.answer.layers[i]);
  const arranged = fitted();
  const zoom = state.live ? liveZoom() : arranged?.zoom ?? Number($("zoom").value);
  const room = Math.floor($("layers").clientWidth / zoom);
  const isLast = i === state.answer.layers.length - 1;
  const columns = arranged?.columns[i] ?? (isLast ? 1 : Math.max(1, Math.min(channels, Math.floor((room + 1) / (width + 1)))));
  return { channels, height, width, zoom, columns, rows: Math.ceil(channels / columns) };
}

function paintLayer(i) {
  if (i === state.answer.layers.length - 1) return paintLogits(i);
  const { channels, height, width, zoom, columns, rows } = layout(i);
  const canvas = $("layers").children[i].querySelector("canvas");
  const [across, down] = [columns * (width + 1) - 1, rows * (height + 1) - 1];
  if (canvas.width !== across) canvas.width = across;
  if (canvas.height !== down) canvas.height = down;
  canvas.style.width = across * zoom + "px";
  canvas.style.height = down * zoom + "px";
  const image = new ImageData(across, down);
  const maps = Int8Array.from(atob(state.answer.layers[i].maps), (byte) => byte.charCodeAt(0));
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
  const { channels, height, width, columns } = layout(i);
  const now = state.pick?.layer === i ? { ...state.pick } : { channel: 0, row: height >> 1, column: width >> 1 };
  const flat = height * width === 1;
  const [dc, dr, dx] = { ArrowLeft: flat ? [-1, 0, 0] : [0, 0, -1], ArrowRight: flat ? [1, 0, 0] : [0, 0, 1], ArrowUp: flat ? [-columns, 0, 0] : [0, -1, 0],
    ArrowDown: flat ? [columns, 0, 0] : [0, 1, 0], PageUp: [-1, 0, 0], PageDown: [1, 0, 0] }[event.key] ?? [];
  if (dc === undefined) return;
  event.preventDefault();
  const inside = (value, count) => Math.max(0, Math.min(count - 1, value));
  pick(i, { channel: inside(now.channel + dc, channels), row: inside(now.row + dr, height), column: inside(now.column + dx, width) });
}

// ---- How a pixel is computed

let told = ""; // what is explained

const explain = newest(async () => {
  if (isRunning() || !state.pick) return; // each moment has its own: it is explained where the training waits
  const { layer, channel, row, column } = state.pick;
  const { name, shape } = state.answer.layers[layer];
  const where = `${name}, map ${channel}` + (shape.length > 1 ? `, row ${row}, column ${column}` : "");
  if (layer === 0) {
    const grey = state.seen[28 * row + column];
    const now = JSON.stringify([where, grey]);
    if (now !== told) tell(where, element("p", { className: "total", textContent: `pixel: ${grey} of 255` }));
    told = now;
    frames(null);
    return;
  }
  const place = { layer: layer - 1, channel, row, column };
  const sum = await ask(isTrained() ? "/api/training/sum" + moment(place) : "/api/sum" + choice(place), state.seen);
  if (state.pick?.layer !== layer) return;
  const before = size(state.answer.layers[layer - 1]);
  // A training that waits is looked at again and again: what has not changed stays as it is, and can be read on.
  const now = JSON.stringify([where, sum]);
  if (now !== told) tell(where, ...describe(sum, before, state.answer.layers[layer - 1].name));
  told = now;
  frames(sum);
});

function forgetPick() {
  state.pick = null;
  told = "";
  $("sum").firstElementChild.replaceChildren(element("p", { className: "note", textContent: "Point at a pixel of any map." }));
  $("sum").lastElementChild.replaceChildren();
  $("brief").textContent = "Point at a pixel of any map: lines show what it is made of.";
  removeFrames();
}

function removeFrames() {
  document.querySelectorAll("#layers .frame").forEach((frame) => frame.remove());
  document.querySelectorAll("#layers .picked").forEach((row) => row.classList.remove("picked"));
  lines.replaceChildren();
}

// In full, and in one line where all is seen at once.
function tell(where, ...parts) {
  $("brief").textContent = explainIn($("sum"), where, parts);
}

// Outlines the pixel, and its frame in the maps before.
function frames(sum) {
  removeFrames();
  paintLogits(state.answer.layers.length - 1);
  const { layer, channel, row, column } = state.pick;
  const pixel = outline(layer, channel, row, column, 1, 1);
  const windows = sum ? frameOf(sum, layer - 1) : [];
  if (fitted()) drawLines(pixel, windows);
}

function frameOf(sum, before) {
  const { channels, height, width } = size(state.answer.layers[before]);
  const isOfAll = sum.frame.length * sum.height * sum.width === channels * height * width;
  if (fitted() && isOfAll && channels > 1) return [outline(before, 0, 0, 0, ...whole(before))];
  if (sum.frame.length * sum.height * sum.width > channels * height * width) return [];
  if (sum.kernel && sum.height * sum.width === 1 && sum.frame.length === channels) return [];
  return sum.frame.map((_, i) => outline(before, sum.first_channel + i, sum.row, sum.column, sum.height, sum.width));
}

// Height and width of all maps of a layer together.
function whole(i) {
  const { columns, rows, height, width } = layout(i);
  return [rows * (height + 1) - 1, columns * (width + 1) - 1];
}

function outline(i, channel, row, column, height, width) {
  const layer = $("layers").children[i];
  if (i === state.answer.layers.length - 1) {
    const picked = layer.querySelectorAll("tbody tr")[channel];
    picked.classList.add("picked");
    return picked;
  }
  const { zoom, columns, ...map } = layout(i);
  const [left, top] = [channel % columns * (map.width + 1) + column, Math.floor(channel / columns) * (map.height + 1) + row];
  const frame = element("div", { className: "frame" });
  Object.assign(frame.style, { left: left * zoom - 2 + "px", top: top * zoom - 2 + "px", width: width * zoom + 4 + "px", height: height * zoom + 4 + "px" });
  layer.querySelector(".frames").append(frame);
  return frame;
}
