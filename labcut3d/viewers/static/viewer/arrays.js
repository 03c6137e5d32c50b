// What the page holds: names, and arrays as typed arrays. `state.moment` is an index of the dataset's
// time axis; the scripts that follow show it.

const data = pageData;
const byId = (id) => document.getElementById(id);
const state = { moment: 0, playing: false, rate: 1, shown: new Set(data.shown), rows: new Set(),
  individual: 0, source: 0, coordinate: 0 };

function decode(packed) {
  if (!packed) return null;
  const bytes = Uint8Array.from(atob(packed.data), (c) => c.charCodeAt(0));
  const types = { f4: Float32Array, f8: Float64Array, i4: Int32Array, u1: Uint8Array };
  return { shape: packed.shape, values: new types[packed.dtype](bytes.buffer) };
}

const time = decode(data.time).values;
const frames = decode(data.frames).values; // time, view
const position = decode(data.position); // time, individual, keypoint, xyz
const spread = decode(data.spread); // time, individual, keypoint, 3 x 3: unit ball to ellipsoid
const reprojection = decode(data.reprojection); // time, view, individual, keypoint, xy
const detections = decode(data.detections); // time, view, individual, keypoint, xy
const confidence = decode(data.confidence); // time, view, individual, keypoint
const exchanged = decode(data.exchanged); // time, view, individual, keypoint; 1 = was the other side
for (const source of data.sources) {
  for (const signal of source.signals) signal.values = decode(signal.values); // individual, keypoint, time
}

const nTimes = time.length, nViews = data.views.length;
const nKeypoints = data.keypoints.length, nIndividuals = data.individuals.length;
const colors = data.keypoints.map((keypoint) => keypoint.color);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const escapeText = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function fill(select, names, chosen) {
  select.replaceChildren(...names.map((name) => {
    const option = document.createElement("option");
    option.textContent = name;
    return option;
  }));
  select.selectedIndex = chosen;
}

// The index of the moment nearest to a time in seconds.
function nearest(seconds) {
  let low = 0, high = nTimes - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (time[middle] <= seconds) low = middle; else high = middle;
  }
  return Math.abs(time[low] - seconds) <= Math.abs(time[high] - seconds) ? low : high;
}
