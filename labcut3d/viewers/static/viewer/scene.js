// The 3-D scene: moving what changes from moment to moment. Plotly looks through a whole figure
// whenever one number of it changes; while playing, the few traces that move are handed straight to
// the objects that draw them, and where this plotly has none, it is asked in the usual way.

const scene = byId("space"); // plotly calls an element inside it "scene"
const traceOf = {}; // role -> one trace index an individual
let trailOf = -1, scenePending = null, sceneBusy = false;

const placeOf = (moment, individual, keypoint) =>
  ((moment * nIndividuals + individual) * nKeypoints + keypoint) * 3;

function gather(count, placeAt) {
  const columns = [new Array(count), new Array(count), new Array(count)];
  for (let i = 0; i < count; i++) {
    const at = placeAt(i);
    for (let axis = 0; axis < 3; axis++) columns[axis][i] = at < 0 ? NaN : position.values[at + axis];
  }
  return columns;
}

// [trace index, [x, y, z]] of everything that moves.
function movingParts(moment) {
  const parts = [];
  for (let individual = 0; individual < nIndividuals; individual++) {
    const add = (role, columns) => parts.push([traceOf[role][individual], columns]);
    add("points", gather(nKeypoints, (k) => placeOf(moment, individual, k)));
    add("bones", gather(data.bones.length * 3, (i) => (i % 3 === 2 ? -1
      : placeOf(moment, individual, data.bones[(i / 3) | 0][i % 3]))));
    if (trailOf >= 0) {
      const first = Math.max(0, moment - Math.round(2 * data.fps));
      add("trail", gather(moment - first + 1, (i) => placeOf(first + i, individual, trailOf)));
    }
    if (ellipsoidsShown()) add("uncertainty", ellipsoids(moment, individual));
  }
  return parts;
}

function movesDirectly(parts) {
  const drawn = scene._fullLayout.scene && scene._fullLayout.scene._scene;
  return drawn && drawn.glplot && drawn.glplot.redraw && parts.every(([index]) => {
    const full = scene._fullData[index], object = full && drawn.traces[full.uid];
    return object && typeof object.update === "function";
  });
}

function moveDirectly(parts) {
  const drawn = scene._fullLayout.scene._scene;
  for (const [index, [x, y, z]] of parts) {
    const full = scene._fullData[index];
    Object.assign(scene.data[index], { x, y, z }); // what plotly draws from when it draws anew
    Object.assign(full, { x, y, z });
    drawn.traces[full.uid].update(full);
  }
  if (!state.playing) { drawn.glplot.update(); return; }
  // What changed is drawn again for the pointer, too, and read back, which takes longer than drawing
  // itself. Nobody points while it plays: it is done when it stops.
  for (const object of drawn.glplot.objects) object.dirty = false;
  drawn.glplot.redraw();
}

async function drawScene(moment) {
  if (!position) return;
  scenePending = moment;
  if (sceneBusy) return; // the running call takes up the newest wish when it is done
  sceneBusy = true;
  while (scenePending !== null) {
    const parts = movingParts(scenePending), follows = byId("frame-of").value === "animal";
    const ranges = follows ? rangesOfAnimal(scenePending) : {};
    scenePending = null;
    if (!follows && movesDirectly(parts)) { moveDirectly(parts); continue; }
    const update = { x: [], y: [], z: [] };
    for (const [, columns] of parts) {
      ["x", "y", "z"].forEach((name, axis) => update[name].push(columns[axis]));
    }
    await Plotly.update(scene, update, ranges, parts.map(([index]) => index));
  }
  sceneBusy = false;
}

async function setUpScene() {
  if (!position) return;
  data.figures.scene.data.forEach((trace, index) => {
    const role = trace.meta && trace.meta.role;
    (traceOf[role] = traceOf[role] || []).push(index);
    if (role === "camera" || role === "uncertainty") trace.visible = false;
  });
  await plotScene();
  setUpSceneControls();
}

// Draws all of it anew, as when light and dark change; turned and zoomed as it was.
async function plotScene() {
  const figure = data.figures.scene, old = scene._fullLayout;
  const traces = recolour(figure.data).map((trace, index) =>
    (scene.data ? { ...trace, ...placed(scene.data[index]) } : trace));
  const layout = recolour(figure.layout);
  if (old) {
    layout.scene.camera = old.scene._scene.getCamera();
    for (const axis of ["xaxis", "yaxis", "zaxis"]) layout.scene[axis].range = [...old.scene[axis].range];
  }
  await Plotly.newPlot(scene, traces, layout, { responsive: true, displaylogo: false,
    plotGlPixelRatio: clamp(window.devicePixelRatio || 1, 1, 2),
    modeBarButtonsToRemove: ["resetCameraLastSave3d"] });
}

const placed = ({ x, y, z, visible }) => ({ x, y, z, visible });
