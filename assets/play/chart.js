// Curves over the iterations, of one run or of several.
"use strict";

// The colours of the runs, the training under way first.
const SERIES = ["--plus", "--minus", "--series-3", "--series-4", "--series-5", "--series-6"];

// Numbers at which an axis from `low` to `high` has its ticks: so many, about, and round.
function ticks(low, high, count = 5) {
  const rough = (high - low) / count || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
  const first = Math.ceil(low / step) * step;
  return Array.from({ length: Math.floor((high - first) / step + 1e-9) + 1 }, (_, i) => Number((first + i * step).toPrecision(12)));
}

// `series` are { colour, faint, points: [[iteration, number]] }; `mark` is the iteration that is looked at, `empty` the numbers
// of the axis where there are no points.
function chart(canvas, { series, title, log = false, mark = null, empty = null }) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (!width) return;
  const sharp = window.devicePixelRatio || 1;
  Object.assign(canvas, { width: width * sharp, height: height * sharp });
  const style = getComputedStyle(document.documentElement);
  const ink = canvas.getContext("2d");
  ink.scale(sharp, sharp);
  ink.font = "12px system-ui, sans-serif";
  const [left, right, top, bottom] = [52, 10, 22, 22];

  // What is not a number, or not above 0 on an axis of powers, leaves a gap.
  const drawable = (y) => typeof y === "number" && (!log || y > 0);
  const all = series.flatMap(({ points }) => points.filter(([, y]) => drawable(y)));
  const level = (y) => log ? Math.log10(y) : y;
  let [far, low, high] = [10, Infinity, -Infinity];
  for (const [x, y] of all) [far, low, high] = [Math.max(far, x), Math.min(low, level(y)), Math.max(high, level(y))];
  if (low > high) [low, high] = empty ?? (log ? [-1, 1] : [0, 1]);
  if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
  const x = (iteration) => left + iteration / far * (width - left - right);
  const y = (value) => top + (high - level(value)) / (high - low) * (height - top - bottom);

  ink.fillStyle = style.getPropertyValue("--ink");
  ink.fillText(title, left, 13, width - left);
  ink.strokeStyle = style.getPropertyValue("--line");
  ink.fillStyle = style.getPropertyValue("--soft");
  ink.lineWidth = 1;
  ink.textAlign = "right";
  ink.textBaseline = "middle";
  const line = (...places) => {
    ink.beginPath();
    places.forEach(([x, y], i) => i ? ink.lineTo(x, y) : ink.moveTo(x, y));
    ink.stroke();
  };
  for (const at of ticks(low, high)) {
    const value = log ? 10 ** at : at;
    line([left, y(value)], [width - right, y(value)]);
    ink.fillText(log ? short(value) : String(value), left - 5, y(value));
  }
  ink.textAlign = "center";
  const labels = Math.max(1, Math.min(5, Math.floor((width - left - right) / 45)));
  for (const at of ticks(0, far, labels)) ink.fillText(short(at), Math.min(x(at), width - 16), height - 9);

  for (const { colour, faint, points } of series) {
    ink.strokeStyle = style.getPropertyValue(colour);
    ink.fillStyle = ink.strokeStyle;
    ink.globalAlpha = faint ? 0.35 : 1;
    ink.lineWidth = faint ? 1 : 2;
    ink.beginPath();
    let on = false;
    for (const [at, value] of points) {
      if (drawable(value)) on ? ink.lineTo(x(at), y(value)) : ink.moveTo(x(at), y(value));
      on = drawable(value);
    }
    ink.stroke();
    const [last] = points.slice(-1);
    if (!faint && last && drawable(last[1])) {
      ink.beginPath();
      ink.arc(x(last[0]), y(last[1]), 3, 0, 7);
      ink.fill();
    }
  }
  ink.globalAlpha = 1;
  if (mark !== null) {
    ink.strokeStyle = style.getPropertyValue("--frame");
    ink.lineWidth = 1.5;
    line([x(mark), top], [x(mark), height - bottom]);
  }
}
