// The viewer: one moment, shown by the videos, the 3-D scene, the curves and the slider together.
// `state.moment` is an index of the dataset's time axis; frame k of every clip is moment k.
"use strict";

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const state = { moment: 0, playing: false, rate: 1, shown: new Set(data.shown), individual: 0,
  source: 0, coordinate: 0 };

// ---- arrays -------------------------------------------------------------------------------------

function decode(packed) {
  if (!packed) return null;
  const bytes = Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0));
  const types = { f4: Float32Array, f8: Float64Array, i4: Int32Array };
  return { shape: packed.shape, values: new types[packed.dtype](bytes.buffer) };
}

const time = decode(data.time).values;
const frames = decode(data.frames).values;
const position = decode(data.position); // time, individual, keypoint, xyz
const reprojection = decode(data.reprojection); // time, view, individual, keypoint, xy
const detections = decode(data.detections); // time, view, individual, keypoint, xy
const confidence = decode(data.confidence); // time, view, individual, keypoint
for (const source of data.sources) {
  for (const signal of source.signals) signal.values = decode(signal.values); // individual, keypoint, time
}
const nTimes = time.length, nViews = data.views.length;
const nKeypoints = data.keypoints.length, nIndividuals = data.individuals.length;
const colors = data.keypoints.map((keypoint) => keypoint.color);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const orNull = (value) => (Number.isFinite(value) ? value : null);

// ---- the 3-D scene ------------------------------------------------------------------------------

const scene = byId("scene");
const traceOf = {}; // role -> one trace index an individual
let sceneBusy = false, sceneWants = null, trailOf = -1, homeRanges = null, lastMiddle = null;

function point(moment, individual, keypoint, axis) {
  return orNull(position.values[((moment * nIndividuals + individual) * nKeypoints + keypoint) * 3 + axis]);
}

function sceneData(moment) {
  const update = { x: [], y: [], z: [] }, indices = [];
  const add = (role, individual, coordinates) => {
    indices.push(traceOf[role][individual]);
    ["x", "y", "z"].forEach((name, axis) => update[name].push(coordinates(axis)));
  };
  for (let individual = 0; individual < nIndividuals; individual++) {
    add("points", individual, (axis) => colors.map((_, k) => point(moment, individual, k, axis)));
    add("bones", individual, (axis) => data.bones.flatMap(([a, b]) =>
      [point(moment, individual, a, axis), point(moment, individual, b, axis), null]));
    if (trailOf < 0) continue;
    const first = Math.max(0, moment - Math.round(2 * data.fps));
    add("trail", individual, (axis) => Array.from({ length: moment - first + 1 },
      (_, i) => point(first + i, individual, trailOf, axis)));
  }
  return [update, indices];
}

async function drawScene(moment) {
  if (!position) return;
  sceneWants = moment;
  if (sceneBusy) return; // the running call takes up the newest wish when it is done
  sceneBusy = true;
  while (sceneWants !== null) {
    const [update, indices] = sceneData(sceneWants);
    const layout = byId("follow").checked ? closeUp(sceneWants) : {};
    sceneWants = null;
    await Plotly.update(scene, update, layout, indices);
  }
  sceneBusy = false;
}

// Axis ranges around the animal at one moment, as wide as the animal is long.
function closeUp(moment) {
  const sums = [0, 0, 0];
  let count = 0;
  for (let i = 0; i < nIndividuals; i++) for (let k = 0; k < nKeypoints; k++) {
    const place = [0, 1, 2].map((axis) => point(moment, i, k, axis));
    if (place.includes(null)) continue;
    place.forEach((value, axis) => { sums[axis] += value; });
    count++;
  }
  if (count) lastMiddle = sums.map((sum) => sum / count);
  return lastMiddle ? rangesAround(lastMiddle, data.reach) : {};
}

const rangesAround = (middle, half) => Object.fromEntries(["x", "y", "z"].map((name, axis) =>
  [`scene.${name}axis.range`, [middle[axis] - half, middle[axis] + half]]));

async function setUpScene() {
  if (!position) return;
  const figure = data.figures.scene;
  figure.data.forEach((trace, index) => {
    const role = trace.meta && trace.meta.role;
    (traceOf[role] = traceOf[role] || []).push(index);
    if (role === "camera") trace.visible = false;
  });
  await Plotly.newPlot(scene, figure.data, figure.layout, { responsive: true, displaylogo: false,
    modeBarButtonsToRemove: ["resetCameraLastSave3d"] });
  homeRanges = ["x", "y", "z"].map((name) => [...figure.layout.scene[name + "axis"].range]);
  fill(byId("trail"), ["none", ...data.keypoints.map((k) => k.name)], data.keypoints.findIndex(
    (k) => k.name === data.shown[data.shown.length - 1]) + 1);
  trailOf = byId("trail").selectedIndex - 1;
  byId("trail").onchange = () => {
    trailOf = byId("trail").selectedIndex - 1;
    if (trailOf < 0) Plotly.restyle(scene, { x: [[]], y: [[]], z: [[]] }, traceOf.trail);
    drawScene(state.moment);
  };
  byId("follow").onchange = () => {
    if (byId("follow").checked) drawScene(state.moment);
    else showCameras(byId("cameras").checked);
  };
  byId("cameras").parentElement.hidden = !traceOf.camera;
  byId("cameras").onchange = () => showCameras(byId("cameras").checked);
}

function showCameras(visible) {
  let ranges = homeRanges;
  if (visible) {
    const lows = [], highs = [];
    ["x", "y", "z"].forEach((name, axis) => {
      const values = traceOf.camera.flatMap((i) => Array.from(scene._fullData[i][name]));
      lows.push(Math.min(homeRanges[axis][0], ...values.filter(Number.isFinite)));
      highs.push(Math.max(homeRanges[axis][1], ...values.filter(Number.isFinite)));
    });
    const half = 0.52 * Math.max(...highs.map((high, axis) => high - lows[axis]));
    ranges = lows.map((low, axis) => [(low + highs[axis]) / 2 - half, (low + highs[axis]) / 2 + half]);
  }
  byId("follow").checked = false;
  const middle = ranges.map(([low, high]) => (low + high) / 2);
  const layout = rangesAround(middle, (ranges[0][1] - ranges[0][0]) / 2);
  if (traceOf.camera) Plotly.update(scene, { visible }, layout, traceOf.camera);
  else Plotly.relayout(scene, layout);
}

// ---- the views ----------------------------------------------------------------------------------

const views = [];

function setUpViews() {
  byId("views").classList.toggle("one", nViews === 1);
  data.views.forEach((described, index) => {
    const box = document.createElement("div");
    box.className = "view";
    const canvas = document.createElement("canvas");
    canvas.style.aspectRatio = described.size.join(" / ");
    const label = document.createElement("span");
    label.textContent = described.name;
    box.append(canvas, label);
    byId("views").append(box);
    const view = { index, size: described.size, canvas, video: null, shown: 0, wanted: null,
      zoom: 1, left: 0, top: 0 };
    views.push(view);
    if (described.video) setUpVideo(view, described.video, box);
    setUpZoom(view);
  });
  byId("overlay").onchange = drawViews;
  new ResizeObserver(drawViews).observe(byId("views"));
}

function setUpVideo(view, base64, box) {
  const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  const video = document.createElement("video");
  video.muted = video.playsInline = true;
  video.preload = "auto";
  video.src = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
  view.video = video;
  box.append(video);
  video.addEventListener("seeked", () => {
    if (view.wanted !== null) seek(view, view.wanted);
    else if (!state.playing) { view.shown = frameOf(video.currentTime); drawView(view); }
  });
  video.addEventListener("loadeddata", () => seek(view, state.moment));
  if (!video.requestVideoFrameCallback) return;
  const onFrame = (_, frame) => {
    view.shown = clamp(Math.round(frame.mediaTime * data.clipFps), 0, nTimes - 1);
    drawView(view);
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
}

const frameOf = (seconds) => clamp(Math.floor(seconds * data.clipFps + 1e-3), 0, nTimes - 1);

function seek(view, moment) {
  if (!view.video) { view.shown = moment; drawView(view); return; }
  if (view.video.seeking) { view.wanted = moment; return; } // one seek at a time, newest wins
  view.wanted = null;
  view.video.currentTime = (moment + 0.5) / data.clipFps; // the middle of the frame, safe from rounding
}

const drawViews = () => views.forEach(drawView);

function drawView(view) {
  const canvas = view.canvas, ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  if (!width) return;
  const height = Math.round(width * view.size[1] / view.size[0]);
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const context = canvas.getContext("2d"), scale = (width / view.size[0]) * view.zoom;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(scale, 0, 0, scale, -view.left * scale, -view.top * scale);
  if (view.video && view.video.readyState >= 2) context.drawImage(view.video, 0, 0, ...view.size);
  if (byId("overlay").checked) drawOverlay(context, view, ratio / scale);
}

function drawOverlay(context, view, unit) {
  const moment = view.shown;
  const place = (array, individual, keypoint) => {
    const at = (((moment * nViews + view.index) * nIndividuals + individual) * nKeypoints + keypoint) * 2;
    // A pixel's integer coordinate is its centre, half a pixel from the corner that canvas counts from.
    return [array.values[at] + 0.5, array.values[at + 1] + 0.5];
  };
  for (let individual = 0; individual < nIndividuals; individual++) {
    const lines = reprojection || detections;
    context.lineWidth = 1.3 * unit;
    context.strokeStyle = "rgba(255,255,255,0.75)";
    context.beginPath();
    for (const [a, b] of lines ? data.bones : []) {
      const [start, stop] = [place(lines, individual, a), place(lines, individual, b)];
      if (![...start, ...stop].every(Number.isFinite)) continue;
      context.moveTo(...start);
      context.lineTo(...stop);
    }
    context.stroke();
    for (let keypoint = 0; keypoint < nKeypoints; keypoint++) {
      if (reprojection) disc(context, place(reprojection, individual, keypoint), keypoint, unit);
      if (!detections) continue;
      const at = ((moment * nViews + view.index) * nIndividuals + individual) * nKeypoints + keypoint;
      ring(context, place(detections, individual, keypoint), keypoint, unit, confidence.values[at]);
    }
  }
}

function disc(context, [x, y], keypoint, unit) {
  if (!Number.isFinite(x + y)) return;
  context.beginPath();
  context.arc(x, y, 3 * unit, 0, 2 * Math.PI);
  context.fillStyle = colors[keypoint];
  context.fill();
  context.lineWidth = 0.8 * unit;
  context.strokeStyle = "rgba(255,255,255,0.9)";
  context.stroke();
}

function ring(context, [x, y], keypoint, unit, confident) {
  if (!Number.isFinite(x + y)) return;
  context.globalAlpha = 0.25 + 0.75 * clamp(Number.isFinite(confident) ? confident : 0, 0, 1);
  for (const [width, color] of [[3.2, "rgba(255,255,255,0.75)"], [1.7, colors[keypoint]]]) {
    context.beginPath();
    context.arc(x, y, 6 * unit, 0, 2 * Math.PI);
    context.lineWidth = width * unit;
    context.strokeStyle = color;
    context.stroke();
  }
  context.globalAlpha = 1;
}

function setUpZoom(view) {
  const canvas = view.canvas;
  const toImage = () => view.size[0] / (canvas.clientWidth * view.zoom); // image px a css px
  const keepInside = () => {
    view.left = clamp(view.left, 0, view.size[0] * (1 - 1 / view.zoom));
    view.top = clamp(view.top, 0, view.size[1] * (1 - 1 / view.zoom));
    drawView(view);
  };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const before = toImage();
    view.zoom = clamp(view.zoom * Math.exp(-event.deltaY * 0.002), 1, 20);
    view.left += event.offsetX * (before - toImage());
    view.top += event.offsetY * (before - toImage());
    keepInside();
  }, { passive: false });
  canvas.addEventListener("pointermove", (event) => {
    if (!(event.buttons & 1)) return;
    view.left -= event.movementX * toImage();
    view.top -= event.movementY * toImage();
    keepInside();
  });
  canvas.addEventListener("dblclick", () => { view.zoom = 1; keepInside(); });
}

// ---- the curves ---------------------------------------------------------------------------------

const series = byId("series");
const dashes = ["solid", "dot", "dash", "dashdot"];

function rowsOf(source) {
  const rows = [];
  for (const signal of source.signals) {
    const row = rows.find((candidate) => candidate[0].row === signal.row);
    if (row) row.push(signal); else rows.push([signal]);
  }
  return rows;
}

function curves() {
  const traces = [];
  rowsOf(data.sources[state.source]).forEach((row, index) => {
    const signal = row[0].row === "position" ? row[Math.min(state.coordinate, row.length - 1)] : row[0];
    data.keypoints.forEach((keypoint, k) => {
      if (!state.shown.has(keypoint.name)) return;
      const start = (state.individual * nKeypoints + k) * nTimes;
      traces.push({ type: "scatter", mode: "lines", x: time, showlegend: false,
        y: signal.values.values.subarray(start, start + nTimes), xaxis: "x", yaxis: "y" + (index + 2),
        line: { color: keypoint.color, width: 1.4 }, name: escapeText(keypoint.name),
        hovertemplate: "%{y:.4g}" });
    });
  });
  return traces;
}

const escapeText = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

async function drawSeries() {
  const figure = data.figures.series, row = rowsOf(data.sources[state.source])[0];
  const signal = row[Math.min(state.coordinate, row.length - 1)];
  figure.layout.uirevision = "time";
  figure.layout.yaxis2.title.text = escapeText(`${signal.label} (${signal.unit})`);
  await Plotly.react(series, [...figure.data, ...curves()], figure.layout,
    { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"] });
  drawCursor();
}

function drawCursor() {
  const layout = series._fullLayout, axis = layout && layout.xaxis, cursor = byId("cursor");
  if (!axis) return;
  const x = axis.l2p(time[state.moment]);
  cursor.style.display = x >= 0 && x <= axis._length ? "block" : "none";
  cursor.style.left = `${axis._offset + x - 0.75}px`;
  cursor.style.top = `${layout._size.t}px`;
  cursor.style.height = `${layout._size.h}px`;
}

function nearest(seconds) {
  let low = 0, high = nTimes - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (time[middle] <= seconds) low = middle; else high = middle;
  }
  return Math.abs(time[low] - seconds) <= Math.abs(time[high] - seconds) ? low : high;
}

async function setUpSeries() {
  fill(byId("source"), data.sources.map((source) => source.name), 0);
  byId("source-label").hidden = data.sources.length < 2;
  fill(byId("coordinate"), rowsOf(data.sources[0])[0].map((signal) => signal.label), 0);
  fill(byId("individual"), data.individuals, 0);
  byId("individual-label").hidden = nIndividuals < 2;
  for (const name of ["source", "coordinate", "individual"]) {
    byId(name).onchange = () => { state[name] = byId(name).selectedIndex; drawSeries(); };
  }
  for (const keypoint of data.keypoints) {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.textContent = keypoint.name;
    chip.style.setProperty("--c", keypoint.color);
    chip.setAttribute("aria-pressed", state.shown.has(keypoint.name));
    chip.onclick = () => {
      if (!state.shown.delete(keypoint.name)) state.shown.add(keypoint.name);
      chip.setAttribute("aria-pressed", state.shown.has(keypoint.name));
      drawSeries();
    };
    byId("chips").append(chip);
  }
  await drawSeries();
  series.on("plotly_click", (event) => {
    const x = series._fullLayout.xaxis.p2l(event.event.clientX
      - series.getBoundingClientRect().left - series._fullLayout.xaxis._offset);
    goTo(nearest(x));
  });
  series.on("plotly_afterplot", drawCursor);
  series.on("plotly_relayouting", drawCursor);
}

// ---- moving through time ------------------------------------------------------------------------

function fill(select, names, chosen) {
  select.replaceChildren(...names.map((name) => {
    const option = document.createElement("option");
    option.textContent = name;
    return option;
  }));
  select.selectedIndex = chosen;
}

function showMoment(moment) {
  state.moment = moment;
  byId("slider").value = moment;
  const bold = document.createElement("b");
  bold.textContent = `frame ${frames[moment * nViews]}`;
  const now = data.events.filter((event) => event.start <= time[moment] + 1e-9
    && time[moment] - 1e-9 <= event.stop).map((event) => {
    const badge = document.createElement("span");
    badge.className = "badge";
    badge.style.background = event.color;
    badge.textContent = event.name;
    return badge;
  });
  byId("readout").replaceChildren(bold, ` · ${time[moment].toFixed(3)} s`, ...now);
  drawCursor();
  drawScene(moment);
}

function goTo(moment) {
  pause();
  showMoment(clamp(Math.round(moment), 0, nTimes - 1));
  views.forEach((view) => seek(view, state.moment));
}

let started = null; // the clock of playing: [milliseconds, moment]

function play() {
  if (state.moment >= nTimes - 1) { showMoment(0); }
  state.playing = true;
  byId("play").textContent = "❚❚";
  started = [performance.now(), state.moment];
  const master = views.find((view) => view.video);
  for (const view of views) {
    if (!view.video) continue;
    view.wanted = null;
    view.video.currentTime = (state.moment + 0.5) / data.clipFps;
    view.video.playbackRate = clamp((state.rate * data.fps) / data.clipFps, 0.0625, 16);
    view.video.play().catch(() => pause()); // refused by the browser: stay where we are
  }
  const tick = (now) => {
    if (!state.playing) return;
    const clock = started[1] + ((now - started[0]) / 1000) * data.fps * state.rate;
    const moment = master ? frameOf(master.video.currentTime) : Math.floor(clock);
    if (moment >= nTimes - 1 || (master && master.video.ended)) { goTo(nTimes - 1); return; }
    if (moment !== state.moment) {
      showMoment(moment);
      for (const view of views) {
        if (!view.video) { view.shown = moment; drawView(view); continue; }
        const late = view.video.currentTime * data.clipFps - moment;
        if (view !== master && Math.abs(late) > 3 && !view.video.seeking) {
          view.video.currentTime = master.video.currentTime; // this view fell behind
        }
        if (!view.video.requestVideoFrameCallback) { view.shown = frameOf(view.video.currentTime); drawView(view); }
      }
    }
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}

function pause() {
  if (!state.playing) return;
  state.playing = false;
  byId("play").textContent = "▶";
  for (const view of views) if (view.video) view.video.pause();
  views.forEach((view) => seek(view, state.moment)); // all views on the same moment
}

function setUpTransport() {
  const speeds = [0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4];
  fill(byId("speed"), speeds.map((speed) => (speed < 0.1 ? `1/${Math.round(1 / speed)}` : `${speed}`) + " ×"),
    Math.max(0, speeds.findLastIndex((speed) => speed <= 1 && speed * data.fps <= 60)));
  const setRate = () => { state.rate = speeds[byId("speed").selectedIndex]; if (state.playing) { pause(); play(); } };
  byId("speed").onchange = setRate;
  setRate();
  byId("slider").max = nTimes - 1;
  byId("slider").oninput = () => goTo(Number(byId("slider").value));
  byId("play").onclick = () => (state.playing ? pause() : play());
  document.addEventListener("keydown", (event) => {
    if (["SELECT", "BUTTON"].includes(event.target.tagName) && event.key !== " ") return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? 10 : 1;
    const actions = { ArrowLeft: () => goTo(state.moment - step), ArrowRight: () => goTo(state.moment + step),
      Home: () => goTo(0), End: () => goTo(nTimes - 1), " ": () => (state.playing ? pause() : play()) };
    if (!actions[event.key]) return;
    event.preventDefault();
    actions[event.key]();
  });
}

function momentOfAddress() {
  const match = /[#&]frame=(-?\d+)/.exec(window.location.hash);
  if (!match) return null;
  let best = 0; // the frame nearest to the one asked for, in the first view
  for (let i = 1; i < nTimes; i++) {
    if (Math.abs(frames[i * nViews] - match[1]) < Math.abs(frames[best * nViews] - match[1])) best = i;
  }
  return best;
}

async function main() {
  setUpViews();
  setUpTransport();
  await setUpScene();
  await setUpSeries();
  goTo(momentOfAddress() ?? 0);
  window.addEventListener("hashchange", () => { const m = momentOfAddress(); if (m !== null) goTo(m); });
  document.body.dataset.ready = "true";
}

main();
