// Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reading the data, words for numbers, and elements. Text from files becomes text nodes, never markup.
"use strict";
const runs = JSON.parse(document.getElementById("data").textContent);
const paired = runs.length > 1;
const letters = ["A", "B"];
const causes = [
  { key: "weights", text: "weights", colour: 1 },
  { key: "activations", text: "activations", colour: 2 },
  { key: "attention", text: "queries, keys, values", colour: 3 },
];

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  for (const child of children.flat(Infinity)) if (child !== null && child !== undefined) made.append(child);
  return made;
}

const digits = (value, count = 3) => value === null || value === undefined || !isFinite(value) ? "–" : d3.format(`.${count}~r`)(value).replace("-", "−");
const fixed = (value, count = 2) => value === null || value === undefined || !isFinite(value) ? "–" : value.toFixed(count).replace("-", "−");
const signed = (value, count = 2) => (value > 0 ? "+" : "") + fixed(value, count);
const percent = (value, count = 1) => fixed(100 * value, count) + " %";
const megabytes = bytes => {
  const [unit, name] = bytes >= 1e9 ? [1e9, "GB"] : bytes >= 1e6 ? [1e6, "MB"] : [1e3, "kB"], value = bytes / unit;
  return `${fixed(value, value >= 99.95 ? 0 : unit === 1e9 ? 2 : 1)} ${name}`;
};
const roundMegabytes = bytes => bytes ? megabytes(bytes).replace(".0 ", " ") : "0";
const seconds = value => value < 90 ? digits(value, 2) + " s" : value < 5400 ? fixed(value / 60, 1) + " min" : fixed(value / 3600, 1) + " h";
const perplexity = value => value < 100 ? fixed(value, 2) : value < 1000 ? fixed(value, 1) : d3.format(",.0f")(value);
const decibels = value => fixed(value, 1) + " dB";
// Options as MLIR prints them have seven digits of every number.
const shortNumbers = text => text.replace(/-?\d\.\d+e[+-]\d+/g, number => String(+number));
const lastName = name => name.slice(name.lastIndexOf(".") + 1);

const runBadge = index => paired ? element("span", { class: `run r${index}` }, letters[index]) : null;
const measured = run => run.measurements || {};
const lossesOf = run => measured(run).losses || null;
const blocksOf = run => measured(run).blocks || [];
const layersOf = run => measured(run).layers || [];
const sitesOf = run => measured(run).sites || [];
// What has no kind of its own is called by the layers, if they have one name.
const kindName = kind => {
  const names = new Set(runs.flatMap(sitesOf).filter(site => site.kind === kind).flatMap(site => site.layers.map(lastName)));
  return kind === "other" && names.size === 1 ? `${[...names][0]} input` : kind;
};
const hasKind = (run, cause) => {
  const losses = lossesOf(run), blocks = blocksOf(run);
  const before = { weights: null, activations: "weights", attention: "activations" }[cause.key];
  if (!before) return true;
  const differs = upTo => upTo && JSON.stringify(upTo[cause.key]) !== JSON.stringify(upTo[before]);
  return (losses && differs(losses.up_to)) || blocks.some(block => differs(block.up_to));
};

// A table; cells are text, or elements. Columns that hold numbers are named in `numeric`. A first column without a title is for
// the letters of two runs, and goes where there is one.
function table(head, rows, numeric = [], style = "") {
  if (!paired && head[0] === "") return table(head.slice(1), rows.map(row => row.slice(1)), numeric.map(index => index - 1), style);
  const cell = (tag, value, index) => element(tag, numeric.includes(index) ? { class: "n" } : {}, value instanceof Node || Array.isArray(value) ? value : String(value));
  return element("table", style ? { class: style } : {},
    element("thead", {}, element("tr", {}, head.map((text, index) => cell("th", text, index)))),
    element("tbody", {}, rows.map(row => element("tr", {}, row.map((value, index) => cell("td", value, index))))));
}

const folded = (title, content) => element("details", {}, element("summary", {}, title), element("div", { class: "scroll" }, content));

// A plot with its caption, a legend and the figures in it as a table.
function figure(svg, caption, legend, figures) {
  return element("figure", {}, legend && legend.length ? element("div", { class: "legend" }, legend) : null,
    element("div", { class: "plot" }, svg), element("figcaption", {}, caption),
    figures ? folded("the figures as a table", figures) : null);
}

const swatch = (text, colour, kind = "") => element("span", { class: kind, style: `--swatch: var(--c${colour})` }, text);
const runSwatches = (kind = "") => runs.map((run, index) => swatch(`${letters[index]}: ${run.label}`, index + 1, kind));

// Hovering shows what `data-tip` says.
function showTips() {
  const tip = document.getElementById("tip");
  document.addEventListener("pointermove", event => {
    const under = event.target.closest && event.target.closest("[data-tip]");
    tip.hidden = !under;
    if (!under) return;
    tip.textContent = under.getAttribute("data-tip");
    const box = tip.getBoundingClientRect();
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, innerWidth - box.width - 8)) + "px";
    tip.style.top = Math.max(4, event.clientY + 18 + box.height > innerHeight ? event.clientY - box.height - 10 : event.clientY + 18) + "px";
  });
}
