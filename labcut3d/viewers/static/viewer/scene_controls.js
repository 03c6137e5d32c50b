// What of the scene is shown: the trail, the chamber, the cameras, the uncertainty, and how near.

const AXES = ["x", "y", "z"];
const NEAR = 0.85; // of the side of the scene's cube: where cameras stand that are brought near
let homeRanges = null, homeCameras = null, lastMiddle = null;

const middleOf = (ranges) => ranges.map(([low, high]) => (low + high) / 2);
const rangesAround = (middle, half) => Object.fromEntries(AXES.map((name, axis) =>
  [`scene.${name}axis.range`, [middle[axis] - half, middle[axis] + half]]));

// Axis ranges around the animals at one moment, as wide as an animal is long.
function rangesOfAnimal(moment) {
  const sums = [0, 0, 0];
  let count = 0;
  for (let point = 0; point < nIndividuals * nKeypoints; point++) {
    const at = placeOf(moment, 0, point);
    if (!Number.isFinite(position.values[at])) continue;
    for (let axis = 0; axis < 3; axis++) sums[axis] += position.values[at + axis];
    count++;
  }
  if (count) lastMiddle = sums.map((sum) => sum / count);
  return lastMiddle ? rangesAround(lastMiddle, data.reach) : {};
}

// Cameras where they stand, or drawn nearer to the middle of the scene, all directions kept.
function placeCameras(near) {
  const middle = middleOf(homeRanges), side = homeRanges[0][1] - homeRanges[0][0];
  const away = homeCameras.map((camera) => Math.hypot(...AXES.map((name, axis) => camera[name][0] - middle[axis])));
  const mean = away.reduce((sum, value) => sum + value, 0) / away.length;
  const scale = near ? Math.min(1, (NEAR * side) / mean) : 1;
  const update = Object.fromEntries(AXES.map((name, axis) => [name, homeCameras.map((camera) =>
    Array.from(camera[name], (value) => middle[axis] + scale * (value - middle[axis])))]));
  const reach = Math.max(...AXES.flatMap((name, axis) =>
    update[name].flat().filter(Number.isFinite).map((value) => Math.abs(value - middle[axis]))));
  return [update, rangesAround(middle, Math.max(1.04 * reach, side / 2))];
}

async function showCameras() {
  const chosen = byId("cameras").value, visible = chosen !== "none";
  byId("frame-of").value = "scene";
  const [update, ranges] = placeCameras(chosen === "direction");
  const home = rangesAround(middleOf(homeRanges), (homeRanges[0][1] - homeRanges[0][0]) / 2);
  await Plotly.update(scene, { ...update, visible }, visible ? ranges : home, traceOf.camera);
}

function setUpSceneControls() {
  homeRanges = AXES.map((name) => [...data.figures.scene.layout.scene[name + "axis"].range]);
  homeCameras = (traceOf.camera || []).map((index) =>
    Object.fromEntries(AXES.map((name) => [name, data.figures.scene.data[index][name]])));
  fill(byId("trail"), ["none", ...data.keypoints.map((k) => k.name)], data.keypoints.findIndex(
    (k) => k.name === data.shown[data.shown.length - 1]) + 1);
  trailOf = byId("trail").selectedIndex - 1;
  byId("trail").onchange = () => {
    trailOf = byId("trail").selectedIndex - 1;
    if (trailOf < 0) Plotly.restyle(scene, { x: [[]], y: [[]], z: [[]] }, traceOf.trail);
    drawScene(state.moment);
  };
  byId("frame-of").onchange = () => {
    if (byId("frame-of").value === "animal") { drawScene(state.moment); return; }
    if (traceOf.camera) { showCameras(); return; }
    Plotly.relayout(scene, rangesAround(middleOf(homeRanges), (homeRanges[0][1] - homeRanges[0][0]) / 2));
  };
  byId("cameras").parentElement.hidden = !traceOf.camera;
  byId("cameras").onchange = showCameras;
  setUpEllipsoids();
  const around = ["box", "walls", "substrate"].flatMap((role) => traceOf[role] || []);
  byId("chamber").parentElement.hidden = !around.length;
  byId("chamber").onchange = () => Plotly.restyle(scene, { visible: byId("chamber").checked }, around);
}
