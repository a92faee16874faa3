// The whole page: its tabs, the runs it offers, and its start.
"use strict";

const benches = ["convolution", "pooling"].map((name) => new Bench(name));

function turnTo() {
  const part = ["draw", "convolution", "pooling", "train"].find((name) => location.hash.split("?")[0] === "#" + name) ?? "draw";
  for (const main of document.querySelectorAll("main")) main.hidden = main.id !== part;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === "#" + part) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  scrollTo(0, 0);
  turnToTrain(part === "train");
  repaint();
  // On the tab "Train" another network may have answered.
  if (part !== "train") offerRuns().then(classifyPixels).then(repaint).catch((error) => say(error.message));
}

function repaint() {
  readColours();
  if (state.live) renderCharts();
  if ((state.live || !$("draw").hidden) && state.answer) {
    paintLayers();
    if (state.pick) explain();
  }
  for (const bench of benches) if (!bench.root.hidden) bench.update();
}

function offerWeights() {
  const { weights } = state.runs.find((run) => run.name === $("run").value);
  $("weights").replaceChildren(...weights.map((name) => new Option(name, name)));
  if (weights.includes(state.weights)) $("weights").value = state.weights;
}

async function offerRuns() {
  state.runs = await ask("/api/runs");
  $("run").replaceChildren(...state.runs.map(({ name, title }) => new Option(`${name} (${title})`, name)));
  if (state.runs.some(({ name }) => name === state.run)) $("run").value = state.run;
  offerWeights();
  await offerBeside();
  // What was chosen may be gone, or finished.
  if (state.run && ($("run").value !== state.run || $("weights").value !== state.weights)) await choose();
}

async function choose() {
  Object.assign(state, { run: $("run").value, weights: $("weights").value });
  say("");
  await classifyPixels();
  for (const bench of benches) await bench.offerOwnKernels().catch((error) => say(error.message));
}

async function start() {
  readColours();
  wipe();
  if (innerWidth < 600) $("zoom").value = 2;
  await offerRuns();
  $("run").addEventListener("change", () => { offerWeights(); choose(); });
  $("weights").addEventListener("change", choose);
  $("zoom").addEventListener("input", repaint);
  addEventListener("hashchange", () => {
    if (location.hash.startsWith("#train?") && !isUnderWay()) sayUnknown(readAddress());
    turnTo();
  });
  addEventListener("resize", repaint);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  await choose();
  const unknown = await startTrain();
  turnTo();
  await example({});
  sayUnknown(unknown);
}

function sayUnknown(names) {
  if (names.length) say(`The address names ${names.join(", ")}, which is no option here.`);
}

start().catch((error) => say(error.message));
