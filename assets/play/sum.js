// A pixel as the sum, the maximum or the mean that makes it, number by number.
"use strict";

// A frame's or kernel's numbers in their places. `largest` makes the colours.
function table(values, width, mark = () => "") {
  const largest = Math.max(...values.map((v) => Math.abs(v) || 0));
  const body = element("tbody");
  for (let start = 0; start < values.length; start += width) {
    body.append(element("tr", {}, ...values.slice(start, start + width).map((value, i) => {
      const cell = element("td", { textContent: short(value), className: mark(start + i, value) });
      paintCell(cell, value, largest);
      return cell;
    })));
  }
  return element("table", {}, body);
}

// Black or white, whichever has the larger contrast: that is at least 4.5.
const linear = (part) => part > 10 ? ((part / 255 + 0.055) / 1.055) ** 2.4 : part / 255 / 12.92;
const readable = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b) > 0.179 ? "#000" : "#fff";
function paintCell(cell, value, largest) {
  const rgb = colour(value, largest);
  cell.style.background = `rgb(${rgb})`;
  cell.style.color = readable(rgb);
}

// Where, and the numbers behind it. The totals alone are live: to read all of it out would take minutes.
function explainIn(box, where, parts) {
  const totals = parts.filter((part) => part.className === "total");
  box.firstElementChild.replaceChildren(element("p", {}, element("b", { textContent: where })), ...totals);
  box.lastElementChild.replaceChildren(...parts.filter((part) => !totals.includes(part)));
  return [where, ...totals.map((total) => total.textContent)].join("; ");
}

function describe(sum, before, name) {
  const { kind, height, width, frame, kernel, products, parts, bias, result, value } = sum;
  const total = (...text) => element("p", { className: "total" }, ...text);
  const strong = (n) => element("b", { textContent: format(n) });
  const number = (n) => typeof n === "number" && n < 0 ? `(${format(n)})` : format(n);
  const there = total("the output here: ", Object.assign(strong(value), { className: "value" }));
  const outside = (i) => {
    const [y, x] = [sum.row + Math.floor(i / width), sum.column + i % width];
    return y < 0 || x < 0 || y >= before.height || x >= before.width ? "outside" : "";
  };
  const marks = sum.row < 0 || sum.column < 0 || sum.row + height > before.height || sum.column + width > before.width;
  const padding = marks && height * width > 1 && height <= before.height + 22
    ? [element("p", { className: "note", textContent: "Dashed: outside of the map, the zeros of the padding." })] : [];
  if (kind === "sum") {
    const terms = parts.length > 4 ? `the ${parts.length} sums` : [format(parts[0]), ...parts.slice(1).map(number)].join(" + ");
    const head = total(`${terms} + bias ${number(bias)} = `, Object.assign(strong(result), { className: "result" }));
    if (height * width === 1) {
      const rows = parts.map((part, i) => element("tr", {}, ...[i, frame[i][0], kernel[i][0], part].map((n) => element("td", { textContent: format(n) }))));
      const titles = [`${name} map`, "value", "weight", "product"].map((textContent) => element("th", { textContent }));
      return [head, there, element("div", { className: "scroll" }, element("table", {}, element("thead", {}, element("tr", {}, ...titles)), element("tbody", {}, ...rows)))];
    }
    return [head, there, ...padding, ...parts.map((part, i) => element("div", { className: "channel" },
      ...(parts.length > 1 ? [element("span", { className: "from", textContent: `${name}, map ${i}: frame × kernel, added up` })]
        : [element("span", { className: "from", textContent: "frame × kernel, added up" })]),
      table(frame[i], width, marks ? outside : undefined), element("span", { textContent: "×" }), table(kernel[i], width),
      element("span", { textContent: "= " + format(part) })))];
  }
  if (kind === "other") return [total("A layer of your own: how it computes is written in its forward()."), there];
  if (kind === "forward") return [total("No layer makes this: how it is computed is written in the network's forward()."), there];
  const said = { maximum: "the largest number in the frame", mean: `the mean of the ${height * width} numbers in the frame`,
    "power average": "the numbers to the power norm_type, added up, and the root of that",
    relu: "max(x, 0): what is negative becomes 0", tanh: "the hyperbolic tangent",
    dropout: "unchanged: numbers are dropped only while the network is trained",
    "batch norm": "minus the channel's running mean, divided by its running deviation, times its weight, plus its bias" }[kind] ?? kind;
  const largest = kind === "maximum" ? (_, v) => v === result ? "chosen" : "" : undefined;
  const powers = kind === "power average"
    ? [element("span", { textContent: "powers" }), table(products[0], width), element("span", { textContent: "sum " + format(parts[0]) })] : [];
  return [total(said + ": ", Object.assign(strong(result), { className: "result" })), there,
    element("div", { className: "channel" }, element("span", { className: "from", textContent: "frame" }), table(frame[0], width, largest), ...powers)];
}
