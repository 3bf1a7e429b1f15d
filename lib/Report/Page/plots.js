// Part of qllm, under the Apache License v2.0 with LLVM Exceptions. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The plots. All are drawn on a width of 1040 and scaled by the page.
const fullWidth = 1040;

function canvas(height, label) {
  return d3.create("svg").attr("viewBox", `0 0 ${fullWidth} ${height}`).attr("role", "img").attr("aria-label", label);
}
const say = (parent, x, y, text, style = "") => parent.append("text").attr("x", x).attr("y", y).attr("class", style).text(text);

function axes(group, x, y, width, height, { xTicks = 6, yTicks = 4, xFormat = null, yFormat = null } = {}) {
  const format = (axis, form) => form ? axis.tickFormat(form) : axis;
  group.append("g").attr("class", "grid").call(d3.axisLeft(y).ticks(yTicks).tickSize(-width).tickFormat(""));
  group.append("g").attr("class", "axis").attr("transform", `translate(0,${height})`).call(format(d3.axisBottom(x).ticks(xTicks).tickSizeOuter(0), xFormat));
  group.append("g").attr("class", "axis").call(format(d3.axisLeft(y).ticks(yTicks).tickSizeOuter(0), yFormat)).call(g => g.select(".domain").remove());
}

// The loss as a sum of steps, each where the one before ended.
function waterfall() {
  const shown = runs.map((run, index) => ({ run, index, losses: lossesOf(run) })).filter(entry => entry.losses);
  const rowHeight = 30, left = 190, right = 190;
  const rows = [];
  for (const { run, index, losses } of shown) {
    let from = losses.before.loss;
    const name = paired ? `${letters[index]}  ` : "";
    rows.push({ name: name + "float model", from: null, to: from, colour: 0, run: index });
    for (const cause of causes) {
      if (!hasKind(run, cause)) continue;
      const to = losses.up_to[cause.key].loss;
      rows.push({ name: name + cause.text, from, to, colour: cause.colour, run: index });
      from = to;
    }
    rows.push({ name: name + "quantized model", from: null, to: losses.after.loss, colour: 0, run: index, isTotal: true });
  }
  const height = rows.length * rowHeight + 44, width = fullWidth - left - right;
  const values = rows.flatMap(row => [row.to, row.from === null ? row.to : row.from]);
  const low = d3.min(values), high = d3.max(values), margin = Math.max(1e-6, (high - low) * 0.06);
  const x = d3.scaleLinear().domain([low - margin, high + margin]).range([0, width]);
  const svg = canvas(height, "Mean loss from the float model to the quantized one, by what is rounded");
  const group = svg.append("g").attr("transform", `translate(${left},6)`);
  const bottom = rows.length * rowHeight;
  group.append("g").attr("class", "grid").attr("transform", `translate(0,${bottom})`).call(d3.axisBottom(x).ticks(6).tickSize(-bottom).tickFormat(""));
  group.append("g").attr("class", "axis").attr("transform", `translate(0,${bottom})`).call(d3.axisBottom(x).ticks(6).tickSizeOuter(0));
  say(svg, left + width, height - 2, "mean loss, nats a token", "soft").attr("text-anchor", "end");
  rows.forEach((row, index) => {
    const y = index * rowHeight, middle = y + rowHeight / 2 + 4;
    say(group, -12, middle, row.name, row.from === null ? "title" : "").attr("text-anchor", "end");
    const from = row.from === null ? row.to : row.from, start = x(Math.min(from, row.to)), end = x(Math.max(from, row.to));
    const text = row.from === null ? `${fixed(row.to, 3)} · perplexity ${perplexity(Math.exp(row.to))}` : `${signed(row.to - from, 3)} · × ${digits(Math.exp(row.to - from), 3)}`;
    if (row.from === null) group.append("line").attr("class", "zero").attr("x1", x(row.to)).attr("x2", x(row.to)).attr("y1", y + 5).attr("y2", y + rowHeight - 5).attr("stroke-width", 4);
    else group.append("rect").attr("class", `f${row.colour}`).attr("x", start).attr("width", Math.max(1.5, end - start)).attr("y", y + 5).attr("height", rowHeight - 10).attr("rx", 2)
      .attr("data-tip", `${row.name}: loss ${fixed(from, 4)} → ${fixed(row.to, 4)}\nperplexity ${perplexity(Math.exp(from))} → ${perplexity(Math.exp(row.to))}`);
    say(group, end + 8, middle, text, "halo");
  });
  return svg.node();
}

// Divergence of predictions with one block quantized. Bars lie behind each other, the highest at the back.
function blockDivergence() {
  const blocks = blocksOf(runs[0]).map(block => block.block), height = 250, left = 56, bottom = 34;
  const width = fullWidth - left - 8, tall = height - bottom - 12;
  const svg = canvas(height, "Divergence of the predictions from the float model's with a single block quantized, by block");
  const group = svg.append("g").attr("transform", `translate(${left},10)`);
  const x = d3.scaleBand().domain(blocks).range([0, width]).padding(0.22);
  const high = d3.max(runs.flatMap(run => blocksOf(run).flatMap(block => causes.map(cause => block.up_to[cause.key].divergence))));
  const y = d3.scaleLinear().domain([0, high || 1]).nice(4).range([tall, 0]);
  axes(group, x, y, width, tall);
  say(group, -left + 2, 0, "nats", "soft");
  say(svg, left + width, height - 3, "block", "soft").attr("text-anchor", "end");
  runs.forEach((run, index) => blocksOf(run).forEach(block => {
    if (x(block.block) === undefined) return;
    const step = x.bandwidth() / runs.length, at = x(block.block) + index * step;
    const text = [`block ${block.block}${paired ? ", " + letters[index] : ""}`, ...causes.filter(cause => hasKind(run, cause)).map(cause =>
      `up to ${cause.text}: ${digits(block.up_to[cause.key].divergence)} nats, loss ${signed(block.up_to[cause.key].loss_change, 4)}`)].join("\n");
    const parts = paired ? [{ value: block.up_to.attention.divergence, colour: index + 1 }]
      : causes.filter(cause => hasKind(run, cause)).map(cause => ({ value: block.up_to[cause.key].divergence, colour: cause.colour }));
    for (const part of parts.sort((a, b) => b.value - a.value))
      group.append("rect").attr("class", `f${part.colour}`).attr("x", at).attr("width", Math.max(1, step - (paired ? 1 : 0))).attr("y", y(part.value)).attr("height", Math.max(0, tall - y(part.value))).attr("data-tip", text);
  }));
  return svg.node();
}

// Small plots on one scale, `columns` beside each other. `draw` gets a group of the given size.
function multiples(names, columns, panelHeight, label, draw) {
  const gap = 18, top = 22, bottom = 24, left = 34, width = (fullWidth - gap * (columns - 1)) / columns;
  const lines = Math.ceil(names.length / columns), step = panelHeight + top + bottom;
  const svg = canvas(lines * step, label);
  names.forEach((name, index) => {
    const group = svg.append("g").attr("transform", `translate(${(index % columns) * (width + gap) + left},${Math.floor(index / columns) * step + top})`);
    say(group, 0, -8, kindName(name), "title");
    draw(group, name, width - left, panelHeight);
  });
  return svg.node();
}

// Signal to noise over depth, one small plot a kind of layer.
function layerErrors() {
  const all = runs.map((run, index) => layersOf(run).map((layer, order) => ({ ...layer, run: index, order, group: lastName(layer.name) }))).flat();
  let names = [...new Set(all.map(layer => layer.group))];
  if (names.length > 16) {
    all.forEach(layer => { layer.group = "all layers"; layer.block = -1; });
    names = ["all layers"];
  }
  names = names.filter(name => all.some(layer => layer.group === name && (layer.sqnr !== null || layer.accumulated_sqnr !== null)));
  const values = all.flatMap(layer => [layer.sqnr, layer.accumulated_sqnr]).filter(value => value !== null);
  const domain = [Math.min(0, d3.min(values) || 0), d3.max(values) || 1];
  const place = layer => layer.block >= 0 ? layer.block : layer.order;
  return multiples(names, Math.min(4, Math.max(1, names.length)), 128, "Signal to quantization noise of each layer's output, in decibels, over depth", (group, name, width, height) => {
    const own = all.filter(layer => layer.group === name), y = d3.scaleLinear().domain(domain).nice(8).range([height, 0]);
    const places = d3.extent(own, place), x = d3.scaleLinear().domain(places).range([4, width - 4]);
    axes(group, x, y, width, height, { xTicks: places[0] === places[1] ? 0 : 5, xFormat: d3.format("d") });
    runs.forEach((run, index) => {
      for (const [key, style] of [["accumulated_sqnr", "dashed"], ["sqnr", ""]]) {
        const points = own.filter(layer => layer.run === index && layer[key] !== null);
        group.append("path").datum(points).attr("class", `series s${index + 1} ${style}`).attr("d", d3.line().x(layer => x(place(layer))).y(layer => y(layer[key])));
        if (key === "sqnr" || points.every(layer => layer.sqnr === null)) group.append("g").selectAll("circle").data(points).enter().append("circle").attr("class", `f${index + 1}`)
          .attr("cx", layer => x(place(layer))).attr("cy", layer => y(layer[key])).attr("r", 2.6)
          .attr("data-tip", layer => `${layer.name}${paired ? ", " + letters[index] : ""}\nalone ${decibels(layer.sqnr)}, in the quantized model ${decibels(layer.accumulated_sqnr)}`);
      }
    });
  });
}

// Magnitudes of channels over the median's, blocks downwards. Pixels are painted once, and scaled.
function heatMaps() {
  const kinds = [...new Set(sitesOf(runs[0]).map(site => site.kind))].filter(kind => sitesOf(runs[0]).filter(site => site.kind === kind && site.before).length);
  const columns = [{ title: "before", run: 0, key: "before" }, ...runs.map((run, index) => ({ title: paired ? `after, ${letters[index]}` : "after", run: index, key: "after" }))];
  const gap = 20, left = 132, width = (fullWidth - left - gap * (columns.length - 1)) / columns.length, top = 24;
  const rowsOf = (column, kind) => sitesOf(runs[column.run]).filter(site => site.kind === kind && site[column.key]);
  const heights = kinds.map(kind => Math.max(18, rowsOf(columns[0], kind).length * 4.2));
  const strongest = 64, colour = ratio => d3.interpolateViridis(Math.min(1, Math.max(0, Math.log2(Math.max(ratio, 0.25)) + 2) / (Math.log2(strongest) + 2)));
  const svg = canvas(top + d3.sum(heights) + kinds.length * gap + 34, "Largest magnitude of each channel over that of the median channel, by block, before and after");
  columns.forEach((column, index) => say(svg, left + index * (width + gap), 14, column.title, "title"));
  let y = top;
  kinds.forEach((kind, line) => {
    const height = heights[line];
    kindName(kind).split(" ").forEach((word, index) => say(svg, 0, y + 14 + index * 15, word, index ? "soft" : "title"));
    const blocks = rowsOf(columns[0], kind);
    if (blocks.length > 1) {
      say(svg, left - 8, y + 9, blocks[0].block, "soft").attr("text-anchor", "end");
      say(svg, left - 8, y + height, blocks[blocks.length - 1].block, "soft").attr("text-anchor", "end");
    }
    columns.forEach((column, index) => {
      const rows = rowsOf(column, kind);
      if (!rows.length) return;
      const bins = d3.max(rows, site => site[column.key].bins.length);
      const pixels = document.createElement("canvas");
      pixels.width = bins;
      pixels.height = rows.length;
      const context = pixels.getContext("2d");
      rows.forEach((site, row) => site[column.key].bins.forEach((ratio, bin) => {
        context.fillStyle = colour(ratio);
        context.fillRect(bin, row, 1, 1);
      }));
      const x = left + index * (width + gap);
      svg.append("image").attr("x", x).attr("y", y).attr("width", width).attr("height", height).attr("preserveAspectRatio", "none").style("image-rendering", "pixelated").attr("href", pixels.toDataURL());
      rows.forEach((site, row) => {
        const ranges = site[column.key];
        svg.append("rect").attr("x", x).attr("y", y + row * height / rows.length).attr("width", width).attr("height", height / rows.length).attr("fill", "transparent")
          .attr("data-tip", `${site.name}, ${column.title}: ${ranges.channels} channels\nlargest is ${digits(ranges.largest / ranges.median)} times the median\n${ranges.outliers} over 8 times the median`);
      });
    });
    y += height + gap;
  });
  const ramp = d3.range(0, 120), at = index => 0.25 * Math.pow(strongest / 0.25, index / 119);
  say(svg, left, y + 12, "times the median channel:", "soft");
  ramp.forEach(index => svg.append("rect").attr("x", left + 160 + index * 2).attr("y", y + 1).attr("width", 2.2).attr("height", 13).attr("fill", colour(at(index))));
  [0.25, 1, 4, 16, 64].forEach(value => say(svg, left + 160 + 240 * Math.log(value / 0.25) / Math.log(strongest / 0.25), y + 28, value === 64 ? "64 and more" : value, "soft").attr("text-anchor", value === 0.25 ? "start" : "middle"));
  return svg.node();
}

// Copies that channels were split into, upwards; channels that were merged away, downwards.
function reassembly() {
  const kinds = [...new Set(runs.flatMap(run => sitesOf(run).filter(site => site.copies_added || site.merged_channels).map(site => site.kind)))];
  const share = (site, count) => count / Math.max(1, site.channels);
  const high = d3.max(runs.flatMap(run => sitesOf(run).flatMap(site => [share(site, site.copies_added), share(site, site.merged_channels)])));
  return multiples(kinds, Math.min(4, kinds.length), 120, "Copies added by splitting and channels removed by merging at each site, as a share of its channels", (group, kind, width, height) => {
    const x = d3.scaleBand().domain(sitesOf(runs[0]).filter(site => site.kind === kind).map((site, index) => site.block >= 0 ? site.block : index)).range([0, width]).padding(0.2);
    const y = d3.scaleLinear().domain([-high, high]).nice().range([height, 0]);
    const every = Math.ceil(x.domain().length / 6);
    group.append("g").attr("class", "grid").call(d3.axisLeft(y).ticks(4).tickSize(-width).tickFormat(""));
    group.append("g").attr("class", "axis").call(d3.axisLeft(y).ticks(4).tickFormat(value => d3.format(".0%")(Math.abs(value)))).call(g => g.select(".domain").remove());
    group.append("g").attr("class", "axis").attr("transform", `translate(0,${height})`).call(d3.axisBottom(x).tickValues(x.domain().filter((value, index) => index % every === 0)).tickSizeOuter(0));
    group.append("line").attr("class", "zero").attr("x2", width).attr("y1", y(0)).attr("y2", y(0));
    runs.forEach((run, index) => sitesOf(run).filter(site => site.kind === kind).forEach((site, order) => {
      const step = x.bandwidth() / runs.length, at = x(site.block >= 0 ? site.block : order) + index * step;
      const text = `${site.name}${paired ? ", " + letters[index] : ""}\n${site.split_channels} channels split, ${site.copies_added} copies added\n${site.merged_channels} channels merged away`;
      for (const [value, colour] of [[share(site, site.copies_added), 1], [-share(site, site.merged_channels), 2]])
        if (value) group.append("rect").attr("class", `f${paired ? index + 1 : colour}`).attr("x", at).attr("width", step).attr("y", y(Math.max(0, value))).attr("height", Math.abs(y(value) - y(0))).attr("data-tip", text);
    }));
  });
}

// Up to seven values that people count time in.
function timeTicks(high) {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 36000];
  const step = high < 6 ? d3.tickStep(0, high, 6) : steps.find(candidate => high / candidate <= 7) || d3.tickStep(0, high, 6);
  return d3.range(0, high * 1.0001, step);
}

// One bar of seconds a row, of named parts.
function bars(rows, label, axisText) {
  const rowHeight = 26, left = 230, right = 120, width = fullWidth - left - right, height = rows.length * rowHeight + 40;
  const x = d3.scaleLinear().domain([0, d3.max(rows, row => d3.sum(row.parts, part => part.value)) || 1]).range([0, width]);
  const svg = canvas(height, label), group = svg.append("g").attr("transform", `translate(${left},4)`), bottom = rows.length * rowHeight;
  const ticks = timeTicks(x.domain()[1]);
  group.append("g").attr("class", "grid").attr("transform", `translate(0,${bottom})`).call(d3.axisBottom(x).tickValues(ticks).tickSize(-bottom).tickFormat(""));
  group.append("g").attr("class", "axis").attr("transform", `translate(0,${bottom})`).call(d3.axisBottom(x).tickValues(ticks).tickSizeOuter(0).tickFormat(value =>
    value === 0 ? "0" : ticks[1] >= 3600 ? `${value / 3600} h` : ticks[1] >= 60 ? `${value / 60} min` : `${digits(value, 2)} s`));
  say(svg, left + width, height - 2, axisText, "soft").attr("text-anchor", "end");
  rows.forEach((row, index) => {
    const y = index * rowHeight;
    say(group, -12, y + rowHeight / 2 + 4, row.name.length > 34 ? row.name.slice(0, 33) + "…" : row.name).attr("text-anchor", "end");
    let from = 0;
    for (const part of row.parts) {
      group.append("rect").attr("class", `f${part.colour}`).attr("x", x(from)).attr("width", Math.max(0, x(part.value) - (row.parts.length > 1 ? 1 : 0))).attr("y", y + 4).attr("height", rowHeight - 8).attr("data-tip", part.tip);
      from += part.value;
    }
    say(group, x(from) + 8, y + rowHeight / 2 + 4, row.text, "halo");
  });
  return svg.node();
}

// Bytes of each block's layers, as stacks.
function blockBytes(stacks, names) {
  const height = 220, left = 64, bottom = 34, width = fullWidth - left - 8, tall = height - bottom - 12;
  const svg = canvas(height, "Stored bytes of each block, by layer"), group = svg.append("g").attr("transform", `translate(${left},10)`);
  const x = d3.scaleBand().domain(stacks.map(stack => stack.block)).range([0, width]).padding(0.2);
  const y = d3.scaleLinear().domain([0, d3.max(stacks, stack => d3.sum(stack.parts, part => part.bytes)) || 1]).nice(4).range([tall, 0]);
  axes(group, x, y, width, tall, { yFormat: roundMegabytes });
  say(svg, left + width, height - 3, "block", "soft").attr("text-anchor", "end");
  for (const stack of stacks) {
    let from = 0;
    const step = x.bandwidth() / runs.length;
    for (const part of stack.parts) {
      group.append("rect").attr("class", `f${names.indexOf(part.name) % 7 + 1}`).attr("x", x(stack.block) + stack.run * step).attr("width", Math.max(1, step - 1)).attr("y", y(from + part.bytes)).attr("height", Math.max(0, y(from) - y(from + part.bytes) - 0.6)).attr("data-tip", part.tip);
      from += part.bytes;
    }
  }
  return svg.node();
}
