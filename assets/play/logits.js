// The tab "Draw": logits and softmax, step by step. The numbers come with the answer.
"use strict";

function buildLogits(i) {
  const gauge = () => element("td", {}, element("i", {}, element("b")), element("span"));
  const rows = state.answer.probabilities.map((_, digit) => {
    const row = element("tr", {}, element("th", { scope: "row", textContent: digit }), gauge(), gauge(), gauge());
    for (const kind of ["pointermove", "pointerdown"]) {
      row.addEventListener(kind, () => pick(i, { channel: digit, row: 0, column: 0 }));
    }
    return row;
  });
  const titles = ["", "logit z", "", "exp / sum"].map((textContent) => element("th", { scope: "col", textContent }));
  const sum = element("tr", {}, ...["", "", "", ""].map((textContent) => element("td", { textContent })));
  const table = element("table", { className: "logits", tabIndex: 0 },
    element("thead", {}, element("tr", {}, ...titles)), element("tbody", {}, ...rows), element("tfoot", {}, sum));
  table.setAttribute("aria-label", "Logits and softmax. The arrow keys choose a logit.");
  table.addEventListener("keydown", (event) => step(i, event));
  return [table, element("p", { className: "total quotient" }), element("p", { className: "note listed",
    textContent: "Softmax: exp of each logit, divided by the sum of all ten. PyTorch subtracts the largest logit first: " +
      "the quotients stay the same, and no exp is too large for 32 bits." })];
}

function paintLogits(i) {
  const { softmax: { logits, largest, exps, sum }, probabilities, digit, layers } = state.answer;
  const layer = $("layers").children[i];
  layer.querySelector("thead tr").children[2].textContent = `exp(z − ${less(largest)})`;
  [...layer.querySelectorAll("tbody tr")].forEach((row, channel) => {
    row.classList.toggle("best", channel === digit);
    const [, ...cells] = row.children;
    const share = logits[channel] / (layers[i].largest || 1);
    const [logit, exp, probability] = cells.map((cell) => cell.querySelector("b"));
    logit.className = share < 0 ? "minus" : "";
    Object.assign(logit.style, { left: 50 + 50 * Math.min(0, share) + "%", width: 50 * Math.abs(share) + "%" });
    exp.style.width = 100 * exps[channel] + "%";
    probability.style.width = 100 * probabilities[channel] + "%";
    [logits, exps].forEach((numbers, n) => { cells[n].lastChild.textContent = format(numbers[channel]); });
    cells[2].lastChild.textContent = percent(probabilities[channel]);
  });
  const [, , total, whole] = layer.querySelector("tfoot tr").children;
  total.replaceChildren("sum ", element("b", { textContent: exact(sum) }));
  whole.textContent = "100 %";
  const of = state.pick?.layer === i ? state.pick.channel : digit;
  layer.querySelector(".quotient").textContent =
    `${of}: exp(${format(logits[of])} − ${less(largest)}) / sum = ${format(exps[of])} / ${exact(sum)} = ${percent(probabilities[of])}`;
}

const exact = (n) => typeof n === "string" ? n : String(Number(n.toPrecision(7)));
const less = (n) => n < 0 ? `(${format(n)})` : format(n);
