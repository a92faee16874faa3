// Maps drawn as grids of numbers, and what is typed in fields.
"use strict";

// "3" is 3, "3, 2" and "(3, 2)" are [3, 2]; null is neither.
function steps(text) {
  const numbers = String(text).replace(/[()[\]\s]/g, "").split(/[,x;]/);
  const whole = numbers.map((n) => /^-?\d{1,6}$/.test(n) ? Number(n) : null);
  if (whole.includes(null) || whole.length > 2) return null;
  return whole.length === 1 ? whole[0] : whole;
}
const decimal = (text) => String(text).trim() === "" ? NaN : Number(text);

const BETWEEN = 8; // between two maps, in pixels of the screen
const LABEL = 18; // above each map, where there are several

const NARROWEST = 110; // a grid with its caption

// The largest cells with which the maps of some grids have room, and how many columns of maps each has. Beside each other
// they share the width, else each has the whole.
function roomiest(grids, room, areBeside) {
  const tries = grids.reduce((tries, { count }) =>
    tries.flatMap((columns) => Array.from({ length: count }, (_, i) => [...columns, i + 1])), [[]]);
  const total = (numbers) => areBeside ? numbers.reduce((a, b) => a + b) : Math.max(...numbers);
  for (let cell = 44; cell > 2; cell--) {
    for (const columns of tries) {
      const widths = grids.map(({ across }, i) => Math.max(NARROWEST, columns[i] * (across * cell + BETWEEN)));
      const heights = grids.map(({ down, count }, i) => Math.ceil(count / columns[i]) * (down * cell + BETWEEN + LABEL));
      if (total(widths) <= room.width && Math.max(...heights) <= room.height) return { cell, columns };
    }
  }
  return { cell: 2, columns: grids.map(({ count }) => Math.ceil(Math.sqrt(count))) };
}

// Where a map of a grid begins, in pixels of the screen.
function corner(map, { cell, columns, across, down, count }) {
  const label = count > 1 ? LABEL : 0;
  return [map % columns * (across * cell + BETWEEN) + 2, Math.floor(map / columns) * (down * cell + BETWEEN + label) + label + 2];
}

// The map, row and column under a place of the grid; parts of a cell too.
function under(x, y, grid) {
  const { cell, columns, across, down, count } = grid;
  const column = Math.max(0, Math.min(columns - 1, Math.floor(x / (across * cell + BETWEEN))));
  const row = Math.max(0, Math.floor(y / (down * cell + BETWEEN + (count > 1 ? LABEL : 0))));
  const map = Math.min(count - 1, row * columns + column);
  const [left, top] = corner(map, grid);
  return [map, (y - top) / cell, (x - left) / cell];
}

// Maps of numbers, each with its label and, where it has one, a frame [row, column, height, width]. What is null is padding.
function paint(canvas, maps, grid, labels, frames) {
  const { cell, columns, across, down, count } = grid;
  const [right, bottom] = [corner(Math.min(count, columns) - 1, grid)[0], corner(count - 1, grid)[1]];
  const [width, height] = [right + across * cell + 2, bottom + down * cell + 2];
  const sharp = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: width * sharp, height: height * sharp });
  canvas.style.width = width + "px";
  const style = getComputedStyle(document.documentElement);
  const ink = canvas.getContext("2d");
  ink.scale(sharp, sharp);
  ink.font = "14px system-ui, sans-serif";
  const largest = Math.max(...maps.flat(2).map((v) => Math.abs(v) || 0));
  maps.forEach((rows, map) => {
    const [left, top] = corner(map, grid);
    ink.save();
    ink.translate(left, top);
    if (count > 1) {
      ink.fillStyle = style.getPropertyValue("--soft");
      ink.fillText(labels[map], 0, -5, across * cell);
    }
    ink.textAlign = "center";
    ink.textBaseline = "middle";
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
    if (frames[map]) {
      const [y, x, high, wide] = frames[map];
      for (const [name, edge] of [["--ground", 2], ["--frame", 0]]) {
        ink.lineWidth = (cell < 6 ? 2 : 3) + edge;
        ink.strokeStyle = style.getPropertyValue(name);
        ink.strokeRect(x * cell, y * cell, wide * cell, high * cell);
      }
    }
    ink.restore();
  });
}
