// Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The sections of the report, in their order. A section without data says why it is empty, or is left out.
const mean = (list, value) => d3.mean(list, value);
const page = document.getElementById("report");
const section = (title, ...content) => page.append(element("h2", {}, title), ...content.flat(Infinity).filter(part => part));
const paragraph = (...content) => element("p", {}, ...content);
const each = make => runs.map((run, index) => make(run, index)).filter(part => part);

function verdict(run) {
  const losses = lossesOf(run);
  if (!losses) return null;
  const change = losses.after.perplexity / losses.before.perplexity - 1;
  return { losses, text: change > 1 ? `× ${digits(change + 1)}` : `${change >= 0 ? "+" : "−"}${percent(Math.abs(change))}` };
}

// A size beside another one, whose unit serves both if it is the same.
const withoutUnit = (text, other) => text.slice(-2) === other.slice(-2) ? text.slice(0, -3) : text;

function tiles() {
  const tile = (what, ...content) => element("div", { class: "tile" }, element("div", { class: "what" }, what), ...content);
  const number = (run, index, ...content) => element("div", { class: "number" }, runBadge(index), ...content);
  const note = text => element("div", { class: "note" }, text);
  const made = [];
  const first = runs.map(verdict).find(entry => entry);
  if (first) made.push(tile("Perplexity", each((run, index) => {
    const entry = verdict(run);
    return entry && number(run, index, element("span", { class: "from" }, `${perplexity(entry.losses.before.perplexity)} → `), perplexity(entry.losses.after.perplexity));
  }), note(`${each(run => (verdict(run) || {}).text).join(" / ")} on ${first.losses.positions} tokens`)));
  made.push(tile("Bits a quantized weight", each((run, index) => number(run, index, fixed(run.coverage.bits_per_weight, 3))), note("scales, zero points and branches counted")));
  made.push(tile("Stored weights", each((run, index) => number(run, index, measured(run).original_bytes ? element("span", { class: "from" }, `${withoutUnit(megabytes(measured(run).original_bytes), megabytes(run.coverage.weight_bytes))} → `) : null, megabytes(run.coverage.weight_bytes))),
    note(each(run => measured(run).original_bytes ? `${fixed(measured(run).original_bytes / run.coverage.weight_bytes, 2)} times smaller` : "").join(" / "))));
  made.push(tile("Layers quantized", each((run, index) => number(run, index, String(run.coverage.quantized), element("span", { class: "from" }, ` of ${run.coverage.layers.length}`))),
    note(each(run => `${run.coverage.excluded} excluded, ${run.coverage.skipped} skipped`).join(" / "))));
  const timed = runs.filter(run => run.run);
  if (timed.length) made.push(tile("Time to quantize", each((run, index) => run.run && number(run, index, seconds(d3.sum(run.run.stages.filter(stage => stage.stage !== "report"), stage => stage.seconds)))),
    note(each(run => run.run && `at most ${megabytes(d3.max(run.run.stages, stage => stage.peak_bytes))} of memory`).join(" / "))));
  return element("div", { class: "tiles" }, made);
}

function header() {
  const [first] = runs, names = [...new Set(runs.map(run => run.model))];
  document.title = `${names.join(", ")} · qllm ${paired ? "comparison" : "report"}`;
  page.append(element("h1", {}, paired ? "Two quantizations compared" : `${first.model}, quantized by ${first.recipe}`),
    element("p", { class: "lead" }, each((run, index) => [index ? element("br") : null, runBadge(index), paired ? `${run.label}: ${run.model} by ${run.recipe}` : "", run.options ? `${paired ? ", " : ""}${run.options}` : ""])), tiles());
}

// What was done

function siteTable(run) {
  const rows = [];
  for (const [kind, sites] of d3.nest().key(site => site.kind).entries(sitesOf(run)).map(entry => [entry.key, entry.values])) {
    const count = test => { const number = sites.filter(test).length; return number ? String(number) : "–"; };
    const range = value => { const [low, high] = d3.extent(sites, value); return low === high ? digits(low) : `${digits(low)} to ${digits(high)}`; };
    const outliers = key => { const own = sites.filter(site => site[key] && site[key].median > 0); return own.length ? digits(d3.median(own, site => site[key].largest / site[key].median), 3) : "–"; };
    rows.push([kindName(kind), sites.length, count(site => site.shifted), count(site => site.scaled), count(site => site.rotated), count(site => site.permuted), d3.sum(sites, site => site.split_channels), d3.sum(sites, site => site.copies_added),
      d3.sum(sites, site => site.merged_channels), range(site => site.principal_rank), range(site => site.branch_rank), range(site => site.clip), `${outliers("before")} → ${outliers("after")}`]);
  }
  const head = ["inputs of layers", "sites", "shifted", "scaled", "rotated", "permuted", "channels split", "copies added", "channels merged", "principal rank", "branch rank", "clip", "largest channel / median"];
  // What was done nowhere needs no column.
  const kept = head.map((title, column) => column).filter(column => rows.some(row => !["–", "0", 0].includes(row[column])));
  return table(kept.map(column => head[column]), rows.map(row => kept.map(column => row[column])), d3.range(1, kept.length));
}

function candidates(run) {
  const scored = sitesOf(run).filter(site => Object.keys(site.scores).length > 1);
  if (!scored.length) return null;
  const names = [...new Set(scored.flatMap(site => Object.keys(site.scores)))];
  const rows = d3.nest().key(site => site.kind).entries(scored).map(({ key, values }) => [kindName(key),
    ...names.map(name => digits(mean(values.filter(site => name in site.scores), site => site.scores[name]))), [...new Set(values.map(site => site.chosen || "–"))].map(name => `${name} at ${values.filter(site => (site.chosen || "–") === name).length}`).join(", ")]);
  return [paragraph("Why: each site tried several transforms on calibration data and kept the one that loses least. Relative squared error of the layers' outputs, mean over sites:"), table(["inputs of layers", ...names, "chosen"], rows, names.map((name, index) => index + 1))];
}

const passTable = passes => table(["pass", "what it does", "options"], passes.map(pass => [element("code", {}, pass.pass), pass.summary, element("span", { class: "hash" }, shortNumbers(pass.options))]), [], "wide");

function whatWasDone() {
  section("What was done, and why", each((run, index) => {
    const passes = run.run ? run.run.passes : [], from = passes.findIndex(pass => pass.pass === "convert-onnx-to-qllm"), own = passes.slice(from + 1);
    return [paired ? element("h3", {}, runBadge(index), run.label) : null,
      own.length ? passTable(own) : null,
      passes.length ? folded(`all ${passes.length} passes, those that read the model first`, passTable(passes)) : null,
      sitesOf(run).length ? [element("div", { class: "plot" }, siteTable(run)), candidates(run)] : null];
  }));
}

// What it cost

function lossSection() {
  const withLosses = runs.filter(lossesOf);
  if (!withLosses.length) return;
  const losses = lossesOf(withLosses[0]);
  const order = each((run, index) => {
    if (!lossesOf(run) || !hasKind(run, causes[1]) || !hasKind(run, causes[2])) return null;
    const { before, after, up_to: upTo, without_activations: other } = lossesOf(run);
    return paragraph(runBadge(index), `The order matters a little: in front of queries, keys and values, activations cost ${signed(upTo.activations.loss - upTo.weights.loss, 3)}; behind them ${signed(after.loss - other.loss, 3)}. `,
      `Weights alone: perplexity ${perplexity(upTo.weights.perplexity)}; with activations ${perplexity(upTo.activations.perplexity)}; all ${perplexity(after.perplexity)}; in floating point ${perplexity(before.perplexity)}.`);
  });
  const rows = runs.flatMap((run, index) => lossesOf(run) ? [["float model", lossesOf(run).before], ...causes.filter(cause => hasKind(run, cause)).map(cause => [`up to ${cause.text}`, lossesOf(run).up_to[cause.key]])].map(([name, value]) => [paired ? letters[index] : "", name, fixed(value.loss, 4), perplexity(value.perplexity)]) : []);
  section("Where the loss comes from",
    figure(waterfall(), `Mean loss on ${losses.windows} windows of ${losses.window_length} tokens (${losses.positions} predictions). Quantizers are taken out of the quantized model by kind: what is left with none is the rounding of weights.`,
      causes.filter(cause => runs.some(run => hasKind(run, cause))).map(cause => swatch(cause.text, cause.colour)), table(["", "rounded", "loss", "perplexity"], rows, [2, 3])), order);
}

function blockSection() {
  if (!runs.every(run => blocksOf(run).some(block => block.up_to))) return;
  const rows = runs.flatMap((run, index) => blocksOf(run).map(block => [paired ? letters[index] : "", block.block, ...causes.map(cause => digits(block.up_to[cause.key].divergence)), signed(block.up_to.attention.loss_change, 4), decibels(block.sqnr), decibels(block.accumulated_sqnr)]));
  const total = runs.map(run => d3.sum(blocksOf(run), block => block.up_to.attention.divergence));
  const worst = runs.map(run => [...blocksOf(run)].sort((a, b) => b.up_to.attention.divergence - a.up_to.attention.divergence).slice(0, 3));
  section("Sensitivity: one block at a time",
    paragraph("The float model with a single block quantized. What its predictions lose is the divergence (Kullback-Leibler, nats a token) from those of the float model, which is less noisy than the change of the loss. "),
    each((run, index) => paragraph(runBadge(index), `Blocks ${worst[index].map(block => block.block).join(", ")} are the most sensitive: ${percent(d3.sum(worst[index], block => block.up_to.attention.divergence) / (total[index] || 1), 0)} of the sum over all blocks.`)),
    figure(blockDivergence(), `Divergence with one block quantized, on ${measured(runs[0]).layer_tokens} tokens in ${measured(runs[0]).layer_windows} windows.${paired ? "" : " Bars lie behind each other: each colour is the form with that kind of rounding too."}`,
      paired ? runSwatches() : causes.filter(cause => hasKind(runs[0], cause)).map(cause => swatch(cause.key === "weights" ? "weights" : `and ${cause.text}`, cause.colour)),
      table(["", "block", ...causes.map(cause => `up to ${cause.text}`), "change of loss", "output alone", "output accumulated"], rows, [1, 2, 3, 4, 5, 6, 7])));
}

function errorSection() {
  if (!runs.some(run => layersOf(run).length)) return;
  const rows = runs.flatMap((run, index) => layersOf(run).map(layer => [paired ? letters[index] : "", layer.name, decibels(layer.sqnr), decibels(layer.accumulated_sqnr)]));
  section("Error of each layer",
    figure(layerErrors(), "Signal to quantization noise of the layers' outputs; higher is better, 6 dB is about one bit. Alone: the block reads what the float model has there. Accumulated: it reads what the quantized model has there. Outputs whose scale a recipe may move to another layer (q, k, v, up) are compared up to a gain for each channel.",
      paired ? [...runSwatches("line"), swatch("accumulated", 7, "line dashed")] : [swatch("this block alone", 1, "line"), swatch("accumulated", 1, "line dashed")], table(["", "layer", "alone", "accumulated"], rows, [2, 3])));
}

function outlierSection() {
  if (!sitesOf(runs[0]).some(site => site.before)) return;
  const rows = runs.flatMap((run, index) => sitesOf(run).filter(site => site.before && site.after).map(site => [paired ? letters[index] : "", site.name, site.before.channels, digits(site.before.largest / site.before.median), site.before.outliers, site.after.channels, digits(site.after.largest / site.after.median), site.after.outliers]));
  section("Outlier channels, before and after",
    figure(heatMaps(), "Inputs of layers: the largest magnitude of each channel over all tokens, over that of the median channel. Channels run from left to right in up to 96 runs of which the largest is shown, blocks from top to bottom. Before: the float model. After: what is quantized, behind shifts, scales, rotations, splits and merges.",
      null, table(["", "input of", "channels before", "largest / median", "over 8 ×", "channels after", "largest / median", "over 8 ×"], rows, [2, 3, 4, 5, 6, 7])));
}

function reassemblySection() {
  const touched = runs.map(run => sitesOf(run).filter(site => site.copies_added || site.merged_channels));
  if (!runs.some(run => sitesOf(run).length)) return;
  if (!touched.some(list => list.length))
    return section("What reassembly split and merged", paragraph("Nothing: no channel was split and none was merged. " + (runs.some(run => sitesOf(run).some(site => site.chosen)) ? "Splitting was among the candidates, and another transform lost less at every site." : "The recipe has no such step.")));
  const rows = runs.flatMap((run, index) => touched[index].map(site => [paired ? letters[index] : "", site.name, site.channels, site.split_channels, site.copies_added, site.merged_channels, site.quantized_channels, site.rounding_offsets ? "yes" : "no"]));
  section("What reassembly split and merged",
    each((run, index) => paragraph(runBadge(index), `At ${touched[index].length} of ${sitesOf(run).length} inputs: ${d3.sum(touched[index], site => site.split_channels)} channels split into ${d3.sum(touched[index], site => site.split_channels + site.copies_added)} copies, ${d3.sum(touched[index], site => site.merged_channels)} channels merged away.`)),
    figure(reassembly(), "Copies added by splitting (upwards) and channels removed by merging (downwards), as a share of the channels, by block.", paired ? runSwatches() : [swatch("copies added", 1), swatch("channels merged away", 2)],
      table(["", "input of", "channels", "split", "copies added", "merged away", "channels quantized", "rounding offsets"], rows, [2, 3, 4, 5, 6])));
}

// Passes that were run before and after.
function validationSection() {
  const words = { "held": "keeps results", "changed": "changes them, as it claims", "not checked": "not checked", "failed": "fails" };
  const own = run => run.validation || [];
  if (!runs.some(run => own(run).length)) return;
  const rows = runs.flatMap((run, index) => own(run).map(record => [paired ? letters[index] : "", element("code", {}, record.pass), words[record.outcome] || record.outcome, digits(record.error, 2), digits(record.bound, 2), digits(record.largest, 2), record.text || ""]));
  section("Each pass, run before and after", each((run, index) => paragraph(runBadge(index), own(run).length ? d3.nest().key(record => record.outcome).entries(own(run)).map(({ key, values }) => `${values.length} ${key}`).join(", ") + "." : "Not validated.")),
    table(["", "pass", "", "error", "allowed", "of values up to", ""], rows, [3, 4, 5]));
}

// What it takes

function bytesSection() {
  const names = [...new Set(runs.flatMap(run => run.coverage.layers.filter(layer => /^layers\.\d+\./.test(layer.name)).map(layer => lastName(layer.name))))];
  const stacks = runs.flatMap((run, index) => d3.nest().key(layer => layer.name.split(".")[1]).entries(run.coverage.layers.filter(layer => /^layers\.\d+\./.test(layer.name))).map(({ key, values }) => ({ block: key, run: index,
    parts: values.map(layer => ({ name: lastName(layer.name), bytes: layer.bytes + (layer.extra_bytes || 0), tip: `${layer.name}${paired ? ", " + letters[index] : ""}\n${layer.weight_format}, ${fixed(layer.bits_per_weight, 3)} bits a weight\n${megabytes(layer.bytes + (layer.extra_bytes || 0))}` })) })));
  // Few layers have room for their names.
  const membersOf = (run, row) => run.coverage.layers.filter(layer => layer.weight_format === row.weight_format && (layer.input_format || "-") === row.input_format).map(layer => layer.name);
  const rowsOf = (run, index) => run.coverage.rows.map(row => [paired ? letters[index] : "", row.weight_format, row.input_format, row.layers > 0 && row.layers < 4 ? membersOf(run, row).join(", ") : row.layers || "", percent(row.share_of_weights, 2), percent(row.share_of_macs, 2), row.bits_per_weight ? fixed(row.bits_per_weight, 3) : "–"]);
  const layerRows = runs.flatMap((run, index) => run.coverage.layers.map(layer => [paired ? letters[index] : "", layer.name, layer.weight_format, layer.input_format || "–", layer.bits_per_weight ? fixed(layer.bits_per_weight, 3) : "–", megabytes(layer.bytes + (layer.extra_bytes || 0)), layer.state, layer.reason || ""]));
  section("Bits and bytes", table(["", "weights", "inputs", "layers", "of all weights", "of all MACs", "bits a weight"], runs.flatMap(rowsOf), [4, 5, 6]),
    stacks.length ? figure(blockBytes(stacks, names), `Stored bytes of each block with scales, zero points, biases and tables.${paired ? " A on the left, B on the right." : ""}`, names.map((name, index) => swatch(name, index % 7 + 1)), null) : null,
    folded("every layer", table(["", "layer", "weights", "inputs", "bits a weight", "bytes", "state", "reason"], layerRows, [4, 5])));
}

function timeSection() {
  const rows = runs.flatMap((run, index) => {
    const stages = run.run ? run.run.stages : [], total = d3.sum(stages, stage => stage.seconds);
    const small = stages.filter(stage => stage.seconds < 0.01 * total), large = stages.filter(stage => stage.seconds >= 0.01 * total);
    const row = (name, time, cpu, peak) => ({ name: (paired ? letters[index] + "  " : "") + name, parts: [{ value: time, colour: name === "report" ? 7 : index + 1, tip: `${name}: ${seconds(time)}, ${seconds(cpu)} of processors` }], text: `${seconds(time)}${peak ? ", " + megabytes(peak) : ""}` });
    return [...large.map(stage => row(stage.stage, stage.seconds, stage.cpu_seconds, stage.peak_bytes)),
      ...(small.length ? [row(`${small.length} shorter stages`, d3.sum(small, stage => stage.seconds), d3.sum(small, stage => stage.cpu_seconds), 0)] : [])];
  });
  if (!rows.length) return;
  const parts = runs.flatMap((run, index) => ((run.run || {}).parts || []).map(part => [paired ? letters[index] : "", part.pass, part.part, seconds(part.cpu_seconds)]));
  section("Time and memory", figure(bars(rows, "Time of each stage", "time on the clock"), "Stages of the run, with the largest resident memory up to their end (mapped weights are part of it). Measuring this report is the last one.", null, null),
    parts.length ? folded("processor seconds inside the passes", table(["", "pass", "part", "processor time"], parts, [3])) : null);
}

function provenance() {
  section("To do it again", each((run, index) => {
    if (!run.run) return paragraph(runBadge(index), "This run was made without --report: its command and digests were not kept.");
    const { command, versions, threads, files } = run.run;
    return [paired ? element("h3", {}, runBadge(index), run.label) : null, element("pre", {}, command),
      paragraph(`qllm ${versions.qllm}, LLVM ${versions.llvm}, ONNX IR ${versions.onnx_ir} and opset ${versions.onnx_opset} at most; seed ${run.seed}; ${threads} threads (the result does not depend on their number).`),
      table(["file", "what it is", "bytes", "SHA-256"], files.map(file => [file.file, file.role, d3.format(",")(file.bytes), element("span", { class: "hash" }, file.sha256)]), [2], "wide")];
  }));
  const remarks = runs.flatMap((run, index) => (measured(run).remarks || []).map(remark => (paired ? letters[index] + ": " : "") + remark));
  if (remarks.length) section("What was not measured", element("ul", {}, remarks.map(remark => element("li", {}, remark))));
}

page.textContent = "";
header();
for (const draw of [lossSection, whatWasDone, blockSection, errorSection, outlierSection, reassemblySection, validationSection, bytesSection, timeSection, provenance]) draw();
showTips();
document.documentElement.dataset.ready = "true";
