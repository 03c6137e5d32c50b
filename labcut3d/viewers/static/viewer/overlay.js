// The marks on a view: bones, reprojections as discs, detections as rings. A detection that had been
// taken for the other side is a dashed ring, with a line to where its keypoint really is.

const markAt = (view, individual, keypoint) =>
  ((view.shown * nViews + view.index) * nIndividuals + individual) * nKeypoints + keypoint;

// A pixel's integer coordinate is its centre, half a pixel from the corner that canvas counts from.
const pixelAt = (array, at) => [array.values[2 * at] + 0.5, array.values[2 * at + 1] + 0.5];

function isExchanged(view) {
  if (!exchanged) return false;
  const first = markAt(view, 0, 0);
  return exchanged.values.subarray(first, first + nIndividuals * nKeypoints).includes(1);
}

function drawOverlay(context, view, unit) {
  for (let individual = 0; individual < nIndividuals; individual++) {
    drawBones(context, view, individual, unit);
    for (let keypoint = 0; keypoint < nKeypoints; keypoint++) {
      const at = markAt(view, individual, keypoint);
      if (reprojection) disc(context, pixelAt(reprojection, at), keypoint, unit);
      if (!detections) continue;
      const place = pixelAt(detections, at);
      const wrong = exchanged && exchanged.values[at] === 1;
      if (wrong && reprojection) tie(context, place, pixelAt(reprojection, at), unit);
      ring(context, place, { keypoint, unit, confident: confidence.values[at], wrong });
    }
  }
}

function drawBones(context, view, individual, unit) {
  const lines = reprojection || detections;
  if (!lines) return;
  context.lineWidth = 1.3 * unit;
  context.strokeStyle = "rgba(255,255,255,0.75)";
  context.beginPath();
  for (const [a, b] of data.bones) {
    const start = pixelAt(lines, markAt(view, individual, a)), stop = pixelAt(lines, markAt(view, individual, b));
    if (![...start, ...stop].every(Number.isFinite)) continue;
    context.moveTo(...start);
    context.lineTo(...stop);
  }
  context.stroke();
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

function ring(context, [x, y], { keypoint, unit, confident, wrong }) {
  if (!Number.isFinite(x + y)) return;
  context.globalAlpha = 0.25 + 0.75 * clamp(Number.isFinite(confident) ? confident : 0, 0, 1);
  context.setLineDash(wrong ? [4 * unit, 3 * unit] : []);
  for (const [width, color] of [[3.2, "rgba(255,255,255,0.75)"], [1.7, colors[keypoint]]]) {
    context.beginPath();
    context.arc(x, y, (wrong ? 8 : 6) * unit, 0, 2 * Math.PI);
    context.lineWidth = width * unit;
    context.strokeStyle = color;
    context.stroke();
  }
  context.setLineDash([]);
  context.globalAlpha = 1;
}

function tie(context, start, stop, unit) {
  if (![...start, ...stop].every(Number.isFinite)) return;
  for (const [width, color] of [[3.4, "rgba(0,0,0,0.6)"], [1.6, "#ffd84d"]]) {
    context.beginPath();
    context.moveTo(...start);
    context.lineTo(...stop);
    context.lineWidth = width * unit;
    context.strokeStyle = color;
    context.stroke();
  }
}
