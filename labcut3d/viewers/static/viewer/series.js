// The curves: rows of signals that share the time axis, below a strip of events; a cursor above them.

const series = byId("series");
const GAP = 14; // px between rows
let plottedRows = [];

function rowsOf(source) {
  const rows = [];
  for (const signal of source.signals) {
    const row = rows.find((candidate) => candidate[0].row === signal.row);
    if (row) row.push(signal); else rows.push([signal]);
  }
  return rows;
}

// The signal of every row that is shown, the position by the chosen coordinate.
function shownSignals() {
  return rowsOf(data.sources[state.source]).filter(([first]) => state.rows.has(first.row))
    .map((row) => (row[0].row === "position" ? row[Math.min(state.coordinate, row.length - 1)] : row[0]));
}

function curves(signals) {
  const traces = [], ink = getComputedStyle(document.documentElement).getPropertyValue("--ink").trim();
  const add = (signal, row, k, name, color) => {
    const count = signal.values.shape[1], start = (state.individual * count + k) * nTimes;
    traces.push({ type: "scatter", mode: "lines", x: time, showlegend: false, xaxis: "x", yaxis: "y" + (row + 2),
      y: signal.values.values.subarray(start, start + nTimes), line: { color, width: 1.4 },
      name: escapeText(name), hovertemplate: "%{y:.4g}" });
  };
  signals.forEach((signal, row) => {
    // What belongs to the animal as a whole has one curve, and no keypoint's colour.
    if (signal.values.shape[1] !== nKeypoints) { add(signal, row, 0, signal.label, ink); return; }
    data.keypoints.forEach((keypoint, k) => {
      if (state.shown.has(keypoint.name)) add(signal, row, k, keypoint.name, keypoint.color);
    });
  });
  return traces;
}

// The figure's layout with a row for each signal; axis y is the strip of events.
function layoutOf(signals) {
  const layout = recolour(data.figures.series.layout), { margin } = layout;
  const heights = [data.stripHeight, ...signals.map(() => data.rowHeight)];
  const inside = heights.reduce((sum, height) => sum + height, 0) + GAP * signals.length;
  let top = 1;
  heights.forEach((height, row) => {
    const name = row ? `yaxis${row + 1}` : "yaxis", signal = signals[row - 1];
    const unit = signal && signal.unit ? ` (${signal.unit})` : "";
    layout[name] = { ...(layout[name] || layout.yaxis2), domain: [Math.max(top - height / inside, 0), top],
      ...(signal ? { title: { text: escapeText(signal.label + unit), standoff: 8 } } : {}) };
    top -= (height + GAP) / inside;
  });
  for (let row = signals.length + 2; layout[`yaxis${row}`]; row++) delete layout[`yaxis${row}`];
  const bottom = signals.length ? `y${signals.length + 1}` : "y";
  layout.xaxis = { ...layout.xaxis, anchor: bottom };
  return { ...layout, height: inside + margin.t + margin.b, uirevision: "time" };
}

async function drawSeries() {
  const signals = shownSignals();
  const traces = [...recolour(data.figures.series.data), ...curves(signals)];
  await Plotly.react(series, traces, layoutOf(signals),
    { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] });
  drawCursor();
}

function drawCursor() {
  const layout = series._fullLayout, axis = layout && layout.xaxis, cursor = byId("cursor");
  if (!axis) return;
  const x = axis.l2p(time[state.moment]);
  cursor.style.display = x >= 0 && x <= axis._length ? "block" : "none";
  cursor.style.transform = `translateX(${axis._offset + x - 0.75}px)`;
  if (cursor.dataset.height === String(layout._size.h)) return;
  cursor.dataset.height = layout._size.h;
  cursor.style.top = `${layout._size.t}px`;
  cursor.style.height = `${layout._size.h}px`;
}

// The time under the pointer, in seconds, anywhere between the ends of the time axis; else null.
function timeUnder(event) {
  const axis = series._fullLayout.xaxis;
  const x = event.clientX - series.getBoundingClientRect().left - axis._offset;
  return x >= 0 && x <= axis._length ? axis.p2l(x) : null;
}

function toggleChip(name, chosen, { color = "var(--muted)", label = name } = {}) {
  const chip = document.createElement("button");
  chip.type = "button";
  chip.textContent = label;
  chip.style.setProperty("--c", color);
  chip.setAttribute("aria-pressed", chosen.has(name));
  chip.onclick = () => {
    if (!chosen.delete(name)) chosen.add(name);
    chip.setAttribute("aria-pressed", chosen.has(name));
    drawSeries();
  };
  return chip;
}

// A click is a press and a release in one place; a drag zooms the time axis.
function setUpClicks() {
  let pressed = null;
  series.addEventListener("pointerdown", (event) => { pressed = [event.clientX, event.clientY]; }, true);
  window.addEventListener("pointerup", (event) => {
    if (!pressed || !series.contains(event.target) && !document.querySelector(".dragcover")) { pressed = null; return; }
    const moved = Math.hypot(event.clientX - pressed[0], event.clientY - pressed[1]);
    pressed = null;
    const seconds = moved < 4 ? timeUnder(event) : null;
    if (seconds !== null && !event.target.closest(".modebar")) goTo(nearest(seconds));
  }, true);
}

async function setUpSeries() {
  fill(byId("source"), data.sources.map((source) => source.name), 0);
  byId("source-label").hidden = data.sources.length < 2;
  const rows = rowsOf(data.sources[0]);
  fill(byId("coordinate"), rows[0].map((signal) => signal.label), 0);
  fill(byId("individual"), data.individuals, 0);
  byId("individual-label").hidden = nIndividuals < 2;
  for (const name of ["source", "coordinate", "individual"]) {
    byId(name).onchange = () => { state[name] = byId(name).selectedIndex; drawSeries(); };
  }
  rows.filter(([first]) => first.shown).forEach(([first]) => state.rows.add(first.row));
  byId("signals").append(...rows.map(([first]) => toggleChip(first.row, state.rows,
    { label: first.row === "position" ? "position" : first.label })));
  byId("chips").append(...data.keypoints.map((k) => toggleChip(k.name, state.shown, { color: k.color })));
  await drawSeries();
  setUpClicks();
  series.on("plotly_afterplot", drawCursor);
  series.on("plotly_relayouting", drawCursor);
}
