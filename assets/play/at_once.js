// The tab "Draw": all layers beside each other, from input to logits, with lines from a pixel to what it is made of.
"use strict";

const lines = $("lines");
let fit = null; // the size of a pixel and each layer's columns of maps, while all is seen at once
const fitted = () => state.live ? null : fit; // on the tab "Train" they lie below each other

const GAP = 10; // between two layers, in pixels of the screen

// The largest size of a pixel with which all maps have room. A telephone is given a projector's room, and scrolls.
function arrange() {
  const { layers } = state.answer;
  const box = $("layers");
  const titles = [...box.querySelectorAll("h3")];
  const table = box.querySelector(".logits").offsetWidth;
  const room = { width: Math.max(box.clientWidth, 900), height: Math.max(box.clientHeight, 300) - titles[0].offsetHeight };
  for (let zoom = 12; ; zoom -= 0.25) {
    const columns = layers.map((layer) => {
      const { channels, height } = size(layer);
      return Math.ceil(channels / Math.max(1, Math.floor((room.height / zoom + 1) / (height + 1))));
    });
    const maps = layers.map((layer, i) => (columns[i] * (size(layer).width + 1) - 1) * zoom);
    const widths = maps.map((width, i) => Math.max(titles[i].offsetWidth, i + 1 < layers.length ? width : table));
    fit = { zoom, columns };
    if (zoom <= 1 || widths.reduce((sum, width) => sum + width + GAP) <= room.width) return;
  }
}

$("at-once").addEventListener("click", () => {
  const pressed = $("at-once").getAttribute("aria-pressed") !== "true";
  $("at-once").setAttribute("aria-pressed", pressed);
  $("draw").classList.toggle("at-once", pressed);
  if (!pressed) fit = null;
  repaint();
});

// From the corners of a pixel to those of its windows in the maps before.
function drawLines(pixel, windows) {
  const box = $("layers").getBoundingClientRect();
  const corners = (frame) => {
    const { left, right, top, bottom } = frame.getBoundingClientRect();
    return [[left, top], [right, top], [left, bottom], [right, bottom]]
      .map(([x, y]) => [x - box.left + $("layers").scrollLeft, y - box.top + $("layers").scrollTop].join(" "));
  };
  const from = corners(pixel);
  const paths = windows.map((frame) => {
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", corners(frame).map((to, i) => `M${from[i]}L${to}`).join(""));
    return path;
  });
  lines.classList.toggle("many", windows.length > 1);
  lines.replaceChildren(...paths);
}
