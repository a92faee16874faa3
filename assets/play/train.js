// The tab "Train": a training that is started, watched and changed here. It is the program's own: closed or loaded anew, the
// page finds it again.
"use strict";

const ENDED = ["finished", "stopped", "failed"];

// The options that are always in sight; the others are below "More options".
const FIRST = ["model", "data", "optimizer", "lr", "momentum", "weight-decay", "batch-size", "scale", "shuffle", "augment",
  "seed", "threads", "epochs", "max-steps"];

const NO_TRAINING = { id: 0, phase: null, losses: [], known: 0, rows: [], lines: [], moments: [], moment: null, stepped: null, number: null, update: null };
const MOST_LOSSES = 6000; // then every second one is left out

const training = { ...NO_TRAINING, losses: [], rows: [], lines: [], formOf: 0 };
const beside = new Map(); // the runs that are laid over it, by their names

// Whether the network in sight is that of a training.
const isTrained = () => state.live && Boolean(training.update?.shown);
const isRunning = () => state.live && training.phase === "running";
const isUnderWay = () => training.phase !== null && !ENDED.includes(training.phase);

// ---- The form: every option of the command line, from the program's own list

function control(field) {
  const { name, choices, value, several } = field;
  const title = field.help;
  if (value === null) return element("input", { type: "checkbox", name, title });
  if (choices.length) {
    const offered = (choice) => new Option(choice, choice, choice === field.default);
    const select = element("select", { name, title }, ...choices.map(offered));
    if (field.default === null) select.prepend(new Option("as in the slides", "", true));
    return select;
  }
  const input = element("input", { name, title, spellcheck: false, placeholder: field.default ?? (several ? value : "") });
  input.autocomplete = "off";
  if (name === "data") input.setAttribute("list", "data-names");
  return input;
}

function buildForm(fields) {
  const row = (field) => element("label", {}, field.name, control(field));
  const first = FIRST.map((name) => fields.find((field) => field.name === name)).filter(Boolean);
  $("options").replaceChildren(...first.map(row));
  $("more-options").append(...fields.filter((field) => !first.includes(field)).map(row));
  training.fields = fields;
}

const fieldOf = (name) => $("train").querySelector(`[name="${name}"]`);

// What stands in the form, as names and values: what is as it was is left out.
function settings() {
  const given = new URLSearchParams();
  for (const { name, value, default: usual } of training.fields) {
    const field = fieldOf(name);
    const text = field.value.trim();
    if (value === null && field.checked) given.set(name, "");
    if (value !== null && text && text !== usual) given.set(name, text);
  }
  return given;
}

// They are arguments of a command line, and back.
const option = (name) => training.fields.find((known) => known.name === name);
const asArguments = (settings) => [...settings].flatMap(([name, text]) => {
  const { value, several } = option(name);
  return value === null ? ["--" + name] : (several ? text.split(/\s+/) : [text]).flatMap((part) => ["--" + name, part]);
});

function asSettings(words) {
  const given = new URLSearchParams();
  for (let i = 0; i < words.length; i++) {
    const name = words[i].slice(2);
    const text = option(name).value === null ? "" : words[++i];
    given.set(name, given.has(name) ? `${given.get(name)} ${text}` : text);
  }
  return given;
}

// Returns what they name that is no option.
function fill(settings) {
  $("train").querySelector("form").reset();
  const unknown = [];
  for (const [name, text] of settings) {
    const field = option(name) && fieldOf(name);
    if (!field) unknown.push(name);
    else if (field.type === "checkbox" && !text) field.checked = true;
    else if (field.type !== "checkbox") field.value = text;
    if (field && (field.type === "checkbox" ? text : field.value !== text)) {
      unknown.push(`${name}=${text}`);
      if (field.options) field.selectedIndex = [...field.options].findIndex((offered) => offered.defaultSelected);
    }
  }
  return unknown;
}

// The address holds what stands in the form, so that it can be handed on.
const address = (settings) => "#train" + (String(settings) ? "?" + settings : "");
const writeAddress = () => history.replaceState(null, "", address(settings()));
const readAddress = () => fill(new URLSearchParams(location.hash.split("?")[1] ?? ""));

// The form tells how the training in sight was begun, where it did not begin it.
async function fillFromTraining() {
  training.formOf = training.id;
  fill(asSettings((await ask("/api/training/again")).arguments));
  if (state.live) writeAddress();
}

// ---- Orders

async function order(what) {
  say("");
  try {
    await ask("/api/training/order", what);
    await look();
  } catch (error) {
    clicked = [];
    say(error.message);
  }
}

let begins = false; // whether a training was asked for that has not been seen yet

// Goes on, to this goal; a training that is not there, or has ended, begins anew.
async function go(goal) {
  say("");
  if (isUnderWay()) return order(goal);
  await begin("start", { arguments: asArguments(settings()), order: goal }, (number) => { training.formOf = number; });
}

// A second click does not begin a second training.
async function begin(how, body, begun = () => {}) {
  if (begins) return;
  begins = true;
  try {
    begun(await ask("/api/training/" + how, body));
    await look();
  } catch (error) {
    begins = false;
    clicked = [];
    say(error.message);
  }
}

const TO_THE_END = { until: 1e15 };
const after = (iterations) => ({ until: (isUnderWay() ? training.update.iteration : 0) + iterations });

let clicked = []; // steps: one click is taken, the others wait for it

async function takeSteps(iterations) {
  const mine = clicked;
  if (mine.push(iterations) > 1) return;
  while (mine === clicked && mine.length) {
    const goal = after(mine[0]);
    await go(goal);
    // Another page may have paused it on the way.
    const waits = () => training.phase === "paused" && training.update.iteration > goal.until - mine[0];
    const isTaken = () => !begins && (waits() || !(isUnderWay() && training.update.iteration < goal.until));
    while (mine === clicked && !isTaken()) await new Promise((done) => setTimeout(done, 10));
    if (mine === clicked && !isUnderWay()) clicked = []; // what still waits begins no other training
    mine.shift();
  }
}

// What else is asked for takes the place of the clicks that wait.
function instead(work, what) {
  clicked = [];
  work(what);
}

// Goes on with a run that was stopped, here or elsewhere. Where its data are a file of one's own, the form says where they lie.
async function resume(run) {
  say("");
  const data = fieldOf("data").value.trim();
  await begin("resume", { run, order: TO_THE_END, ...(data && { data }) });
}

// ---- What is told of it

const NEVER = { training: 0, losses: 0, rows: 0, lines: 0 };

// The network in sight: the training's as it is now, or as it was.
const moment = (more) => "?" + new URLSearchParams({ ...(training.moment !== null && { moment: training.moment }), ...more });

const look = newest(async () => {
  const known = training.id ? { training: training.id, losses: training.known, rows: training.rows.length, lines: training.lines.length } : NEVER;
  if (training.moment !== null) known.moment = training.moment;
  const asked = state.seen;
  const update = await ask("/api/training?" + new URLSearchParams(known), asked);
  if (!update) {
    begins = false;
    if (!training.id) return;
    forget(0); // the program was started anew
    forgetPick();
    return classifyPixels(); // by the run that is chosen
  }
  const anew = update.training !== training.id;
  if (anew) forget(update.training);
  const ended = ENDED.includes(update.phase) && isUnderWay();
  Object.assign(training, { phase: update.phase, update, moments: update.moments, known: update.losses_known });
  training.losses.push(...update.losses);
  if (training.losses.length > MOST_LOSSES) training.losses = training.losses.filter((_, i) => (training.losses.length - i) % 2);
  training.rows.push(...update.rows);
  training.lines.push(...update.lines);
  render(update, asked === state.seen);
  if (isUnderWay() && update.run && training.formOf !== training.id) await fillFromTraining();
  if (ended) await offerRuns();
  else if (anew && beside.size) await renderDifferences();
});

function forget(id) {
  Object.assign(training, NO_TRAINING, { id, losses: [], rows: [], lines: [], moments: [] });
  begins = false;
  $("mistakes-left").replaceChildren();
  $("step").replaceChildren(element("p", { className: "note", textContent: "Take “1 step”: here is how one number of the network changes." }));
  $("again-text").hidden = $("kernels").hidden = true;
  $("phase").classList.remove("refusal");
  $("phase").textContent = "Choose a network and its options, then start. Take one step at a time to see its numbers.";
  for (const name of ["warnings", "where", "numbers", "printed", "changes", "moment-words"]) $(name).textContent = "";
  $("progress").value = 0;
  Object.assign($("moment"), { max: 0, value: 0, disabled: true });
  offerButtons();
  renderCharts();
}

const WORDS_OF = {
  starting: () => "The training is getting ready.",
  running: () => "It trains.",
  paused: () => "Paused: go on, take a step, or point at a pixel of a map.",
  ending: () => "Stopping, with a checkpoint.",
  finished: ({ run }) => `Finished: the run is in ${run}.`,
  stopped: ({ resume }) => resume ? `Stopped. To go on: Resume, or ${resume}` : "Stopped before it had begun.",
  failed: ({ error, said }) => error ?? said,
};

// `isCurrent` says whether the pad still has the digit that was asked for.
function render(update, isCurrent) {
  const { phase, iteration, iterations, batches, epochs, lr, lr_from, shown } = update;
  write($("phase"), WORDS_OF[phase](update));
  $("phase").classList.toggle("refusal", phase === "failed");
  write($("warnings"), update.warnings.join("\n"));
  $("where").textContent = iterations
    ? `Iteration ${iteration} of ${iterations}, epoch ${Math.min(epochs, Math.floor(iteration / batches) + 1)} of ${epochs}`
    : phase === "failed" ? "" : update.said;
  $("progress").max = iterations || 1;
  $("progress").value = iteration;
  const lastRow = training.rows.at(-1);
  $("numbers").textContent = [training.losses.length ? `loss ${format(training.losses.at(-1)[1])}` : "",
    lastRow ? `validation accuracy ${format(lastRow[2])} % after iteration ${lastRow[0]}` : ""].filter(Boolean).join(", ");
  write($("printed"), training.lines.join("\n"));
  $("live-lr").placeholder = format(lr);
  $("live-lr").title = update.lr_may_change ? "From the next iteration on" : "--lr-schedule sets it";
  $("changes").textContent = lr_from.length ? `Changed on the way, iteration=rate: ${lr_from.join(", ")}` : "";
  offerButtons();

  const slider = $("moment");
  slider.max = update.moments.length;
  // While it trains, moments before this one go.
  slider.value = training.moment === null ? update.moments.length : update.moments.findLastIndex((at) => at <= training.moment);
  slider.disabled = !update.moments.length;
  if (shown) {
    const now = training.moment === null ? (isUnderWay() ? "now" : "at the end") : "then";
    $("moment-words").textContent = `After iteration ${shown.iteration}, ${now}`;
    slider.setAttribute("aria-valuetext", training.moment === null ? now : `after iteration ${shown.iteration}`);
    $("kernels-when").textContent = now;
    if (shown.answer && isCurrent) show({ ...shown.answer, network: state.answer?.network });
    renderKernels(shown.kernels);
  }
  offerPixels();
  renderCharts();
  if (update.step !== null && update.step !== training.stepped) {
    training.stepped = update.step;
    followStep();
  }
}

// While it trains, the numbers behind a pixel would not keep still; and a network of other images has no maps of a digit.
function offerPixels() {
  const foreign = isTrained() && !training.update.shown.answer;
  $("foreign").hidden = !foreign;
  $("digit-panel").hidden = $("layers").hidden = foreign;
  $("layers").inert = $("sum-live").hidden = isRunning() || foreign;
}

let pressed = null; // the button that was pressed last: where it cannot be pressed for a while it gets the focus back

function offerButtons() {
  const waits = !isUnderWay() || training.phase === "paused";
  for (const id of ["go", "epoch"]) $(id).disabled = !waits;
  for (const id of ["one", "ten"]) $(id).disabled = !waits && !clicked.length;
  $("go").textContent = isUnderWay() ? "Go on" : "Start";
  $("resume").hidden = !(training.phase === "stopped" && training.update.run);
  $("pause").disabled = training.phase !== "running";
  $("stop").disabled = !isUnderWay() || training.phase === "ending";
  $("live-lr").disabled = !isUnderWay() || !training.update.lr_may_change;
  for (const field of $("train").querySelectorAll("#options [name], #more-options [name]")) field.disabled = isUnderWay();
  if (pressed && !pressed.disabled && document.activeElement === document.body) pressed.focus({ preventScroll: true });
}

function renderCharts() {
  const log = $("log").checked;
  const others = [...beside.values()];
  const colour = (i) => SERIES[i % SERIES.length];
  const mark = training.moment !== null ? training.update?.shown?.iteration ?? null : null;
  const logged = (column) => [{ colour: colour(0), points: training.rows.map((row) => [row[0], row[column]]) },
    ...others.map((run, i) => ({ colour: colour(i + 1), points: run.rows.map((row) => [row[0], row[column]]) }))];
  chart($("loss-chart"), { title: "Loss", log, mark,
    series: [{ colour: colour(0), faint: training.rows.length > 0, points: training.losses }, ...logged(1)] });
  chart($("accuracy-chart"), { title: "Validation accuracy (%)", mark, series: logged(2), empty: [0, 100] });
}

// ---- Kernels

function renderKernels(kernels) {
  $("kernels").hidden = !kernels;
  if (!kernels) return;
  $("kernels-of").textContent = `Kernels of ${kernels.layer}`;
  const magnitude = (all) => Math.max(...all.flat(2).map((v) => Math.abs(v) || 0));
  const largest = Math.max(magnitude(kernels.start), magnitude(kernels.now));
  for (const [name, most] of [["start", largest], ["now", largest], ["difference", magnitude(kernels.difference)]]) {
    paintKernels($("kernels-" + name), kernels[name], most);
    $(`kernels-${name}-range`).textContent = `colours from −${short(most)} to ${short(most)}`;
  }
}

function paintKernels(canvas, kernels, largest) {
  const [height, width] = [kernels[0].length, kernels[0][0].length];
  const room = canvas.parentElement.clientWidth - 160;
  const cell = Math.max(2, Math.min(9, Math.floor((room / Math.min(kernels.length, 16) - 3) / width)));
  const columns = Math.max(1, Math.min(kernels.length, Math.floor((room + 3) / (width * cell + 3))));
  const rows = Math.ceil(kernels.length / columns);
  const sizes = { width: columns * (width * cell + 3) - 3, height: rows * (height * cell + 3) - 3 };
  Object.assign(canvas, sizes);
  const ink = canvas.getContext("2d");
  kernels.forEach((kernel, i) => kernel.forEach((row, y) => row.forEach((value, x) => {
    ink.fillStyle = `rgb(${colour(value, largest)})`;
    ink.fillRect((i % columns) * (width * cell + 3) + x * cell, Math.floor(i / columns) * (height * cell + 3) + y * cell, cell, cell);
  })));
}

// ---- One step, number by number

const followStep = newest(async (asked = training.number?.parameter, index = training.number?.index ?? 0) => {
  const followed = await ask("/api/training/step?" + new URLSearchParams({ ...(asked && { parameter: asked }), index }));
  const { parameter, place, lines, kernel, optimizer, parameters } = followed;
  training.number = { parameter, index };
  const select = element("select", {}, ...parameters.map(([name, shape]) => new Option(`${name}, ${shape.join("x")}`, name)));
  select.setAttribute("aria-label", "Parameter");
  select.value = parameter;
  select.addEventListener("change", () => followStep(select.value, 0));
  const [, shape] = parameters.find(([name]) => name === parameter);
  const count = shape.reduce((product, side) => product * side, 1);
  const number = element("input", { type: "number", min: 0, max: count - 1, value: index });
  number.setAttribute("aria-label", "Which number of it");
  number.addEventListener("change", () => {
    if (number.value !== "" && number.checkValidity()) followStep(parameter, number.value);
    else say(`number: expected a whole number from 0 to ${count - 1}`);
  });
  const step = [element("p", {}, element("b", { textContent: `Step ${followed.iteration} of ${optimizer}: ${parameter}[${place.join(", ")}]` })),
    element("div", { className: "row" }, select, element("label", {}, `number, 0 to ${count - 1} `, number))];
  const body = lines.map(({ name, formula, value }) => element("tr", {}, element("th", { textContent: name }),
    element("td", { className: "formula", textContent: formula }), element("td", { className: "value", textContent: format(value) })));
  step.push(element("table", { className: "step" }, element("tbody", {}, ...body)));
  if (kernel) {
    const width = kernel[0][0].length;
    const start = index - index % (kernel[0].length * width);
    const titles = ["weights before", "gradients", "how they moved"];
    step.push(element("div", { className: "row" }, ...kernel.map((rows, i) => {
      const numbers = table(rows.flat(), width, (j) => start + j === Number(index) ? "chosen" : "");
      [...numbers.querySelectorAll("td")].forEach((cell, j) => cell.addEventListener("click", () => followStep(parameter, start + j)));
      return element("figure", {}, element("figcaption", { textContent: titles[i] }), numbers);
    })));
  }
  const focused = $("step").contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
  $("step").replaceChildren(...step);
  if (focused) $("step").querySelector(`[aria-label="${focused}"]`)?.focus({ preventScroll: true });
});

// ---- The mistakes that are left

const mistakes = () => ask("/api/training/mistakes" + moment({}));

// One of those that are shown, for the pad.
async function mistakeLeft(index) {
  const { iteration, count, first } = await mistakes();
  if (!first.length) throw new Error(`after iteration ${iteration} no validation image is read wrongly`);
  const found = first[index % first.length];
  return { ...found, count: first.length, from: `read as ${found.digit} after iteration ${iteration}` + (count > first.length ? `, among the surest of ${count}` : "") };
}

const showMistakes = newest(async () => {
  const { iteration, count, of, first } = await mistakes();
  const pictures = first.map(({ pixels, label, digit, probability }) => {
    const canvas = element("canvas", { width: 28, height: 28 });
    paintGrey(canvas, pixels);
    const button = element("button", { className: "mistake", title: "Put it on the pad" }, canvas,
      `${label} read as ${digit}, ${percent(probability)}`);
    button.addEventListener("click", () => {
      putOnPad(Uint8Array.from(pixels));
      look();
    });
    return button;
  });
  $("mistakes-left").replaceChildren(
    element("p", { textContent: `After iteration ${iteration}: ${count} of ${of} validation images are read wrongly` + (count > first.length ? `, the surest ${first.length} of them:` : ".") }),
    element("div", { className: "mistakes" }, ...pictures));
});

// ---- Other runs, and the same again

async function offerBeside() {
  const trained = state.runs.filter(({ weights }) => weights.some((name) => name !== "untrained"));
  $("beside").replaceChildren(...trained.map(({ name, title, weights }) => {
    const box = element("input", { type: "checkbox", value: name, checked: beside.has(name) });
    box.addEventListener("change", () => layBeside(name, box.checked));
    const label = element("label", {}, box, `${name} (${title})`);
    if (!weights.includes("checkpoint")) return label;
    const button = element("button", { textContent: "Resume", title: "It was stopped: go on with it", ariaLabel: `Resume ${name}` });
    button.addEventListener("click", () => resume(name));
    return element("div", { className: "row" }, label, button);
  }));
  if (!trained.length) $("beside").textContent = "There is no run yet.";
  for (const name of beside.keys()) {
    if (trained.some((run) => run.name === name)) await layBeside(name, true); // it may have gone on
    else beside.delete(name);
  }
}

async function layBeside(name, wanted) {
  try {
    if (wanted) beside.set(name, await ask("/api/run?" + new URLSearchParams({ run: name })));
    else beside.delete(name);
    await renderDifferences();
  } catch (error) {
    say(error.message);
  }
  renderCharts();
}

const UNIMPORTANT = ["out", "overwrite", "print_every", "save_every"];

// What the runs in the chart have different options for.
async function renderDifferences() {
  const runs = [...beside].map(([name, { options }]) => [name, options]);
  if (training.update?.run) runs.unshift([training.update.run + ", this training", (await ask("/api/training/again")).options]);
  const told = (value) => value === null ? "–" : Array.isArray(value) ? value.join(" ") || "–" : String(value);
  const names = Object.keys(runs[0]?.[1] ?? {}).filter((key) => !UNIMPORTANT.includes(key))
    .filter((key) => new Set(runs.map(([, options]) => told(options[key]))).size > 1);
  const colours = training.update?.run ? SERIES : SERIES.slice(1);
  const head = runs.map(([name], i) => {
    const title = element("th", { textContent: name });
    title.style.color = `var(${colours[i % colours.length]})`;
    return title;
  });
  const body = names.map((key) => element("tr", {}, element("th", { textContent: key }),
    ...runs.map(([, options]) => element("td", { textContent: told(options[key]) }))));
  $("differences").replaceChildren(...(beside.size ? [element("table", {}, element("thead", {}, element("tr", {}, element("th"), ...head)),
    element("tbody", {}, ...(runs.length > 1 && !names.length ? [element("tr", {}, element("td", { textContent: "the same options" }))] : body)))] : []));
}

async function copy(what) {
  try {
    say("");
    const again = what !== "link" || training.update?.run ? await ask("/api/training/again") : null;
    const link = () => location.href.split("#")[0] + address(again ? asSettings(again.arguments) : settings());
    const text = what === "link" ? link() : again[what];
    if (text === null) throw new Error("Python's script does not have this network: write it there too, as docs/tutorial.md tells under 'Beside Python', and compile the program again.");
    $("again-text").value = text;
    $("again-text").hidden = false;
    $("again-text").select();
    // Elsewhere than on this machine's own address the browser has no clipboard for a page.
    if (navigator.clipboard) await navigator.clipboard.writeText(text).catch(() => document.execCommand("copy"));
    else document.execCommand("copy");
    $("copied").textContent = "Copied.";
    setTimeout(() => { $("copied").textContent = ""; }, 2000);
  } catch (error) {
    say(error.message);
  }
}

// ---- The tab

// The largest size of a pixel with which all maps are in sight; one of less than 2 can hardly be pointed at.
function liveZoom() {
  const [width, height] = [$("maps-live").clientWidth, Math.max(200, innerHeight - $("maps-live").getBoundingClientRect().top - $("live").scrollTop)];
  const tall = (zoom) => state.answer.layers.slice(0, -1).map(size).reduce((sum, map) => {
    const columns = Math.max(1, Math.min(map.channels, Math.floor((width / zoom + 1) / (map.width + 1))));
    return sum + 24 + Math.ceil(map.channels / columns) * (map.height + 1) * zoom;
  }, 0);
  return [4, 3].find((zoom) => tall(zoom) < height) ?? 2;
}

// The digit, its answer and its maps are one and the same on both tabs: the tab in sight has them.
function turnToTrain(here) {
  if (state.live !== here) forgetPick(); // it is another network's
  state.live = here;
  $(here ? "sum-live" : "sum-home").append($("sum"));
  $(here ? "pupil" : "digit-home").append($("digit-panel"));
  $(here ? "maps-live" : "maps-home").append($("layers"));
  offerPixels();
  if (!here) return;
  if (location.hash === "#train" && training.fields) writeAddress();
  look();
}

// Several looks a second while it trains, and now and then while it does not.
async function follow() {
  for (;;) {
    const begun = performance.now();
    if (state.live && !document.hidden) await look();
    const pause = !state.live || document.hidden ? 300
      : ["running", "starting"].includes(training.phase) ? Math.max(10, training.update.pace - (performance.now() - begun)) : 400;
    await new Promise((done) => setTimeout(done, pause));
  }
}

async function startTrain() {
  buildForm(await ask("/api/options"));
  const unknown = readAddress();
  $("train").querySelector("form").addEventListener("input", writeAddress);
  $("train").querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  $("go").addEventListener("click", () => instead(go, TO_THE_END));
  $("resume").addEventListener("click", () => resume(training.update.run));
  $("pause").addEventListener("click", () => instead(order, { until: 0 }));
  $("one").addEventListener("click", () => takeSteps(1));
  $("ten").addEventListener("click", () => takeSteps(10));
  $("epoch").addEventListener("click", () => instead(go, "epoch"));
  $("stop").addEventListener("click", () => instead(order, "stop"));
  $("live-lr").addEventListener("change", () => {
    const lr = decimal($("live-lr").value);
    $("live-lr").value = "";
    if (!Number.isFinite(lr)) say("learning rate: expected a number");
    else order({ lr });
  });
  $("moment").addEventListener("input", () => {
    const at = Number($("moment").value);
    training.moment = at >= training.moments.length ? null : training.moments[at];
    look();
  });
  $("log").addEventListener("change", renderCharts);
  $("sum-close").addEventListener("click", forgetPick);
  $("show-mistakes").addEventListener("click", () => showMistakes());
  for (const what of ["command", "python", "link"]) $("copy-" + what).addEventListener("click", () => copy(what));
  $("course").addEventListener("click", ({ target }) => { pressed = target.closest("button"); });
  forget(0);
  await offerBeside();
  follow();
  return unknown;
}
