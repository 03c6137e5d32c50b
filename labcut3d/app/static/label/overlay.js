// Drawing marks, curves and offered places over a picture. Every line has a dark edge, so that it
// is seen on white and on black, and what matters is told by shape as well as by colour.

const SURE = 2.4477; // standard deviations of a round normal that hold 95 %
const EDGE = "rgba(0, 0, 0, 0.75)";
const BAD = "#ff5a4f";

/** Draw `scene` = {points, bones, curve, active} of one view. */
export function drawScene(context, viewport, scene) {
  const to = (point) => viewport.toScreen(point);
  context.lineJoin = context.lineCap = "round";
  for (const [a, b] of scene.bones) line(context, [to(a), to(b)], "rgba(255, 255, 255, 0.35)", 1, false);
  if (scene.curve?.length) drawCurve(context, viewport, scene.curve.map(to), scene.active.color);
  for (const point of scene.points) {
    if (point.offer && !point.mark) drawOffer(context, viewport, point);
  }
  for (const point of scene.points) {
    if (Array.isArray(point.mark)) drawMark(context, to(point.mark), point);
  }
}

/** Within the picture, light and dark around its colour, so that it is seen on anything. */
function drawCurve(context, viewport, points, color) {
  const [[left, top], [right, bottom]] = [[-0.5, -0.5], viewport.view.size.map((side) => side - 0.5)].map((corner) => viewport.toScreen(corner));
  context.save();
  context.beginPath();
  context.rect(left, top, right - left, bottom - top);
  context.clip();
  line(context, points, "rgba(255, 255, 255, 0.9)", 3.5, true);
  line(context, points, color, 2, false);
  context.restore();
}

function drawMark(context, [x, y], point) {
  const radius = point.active ? 6 : 4.5;
  context.globalAlpha = point.faint ? 0.45 : 1;
  circle(context, x, y, radius + 1.5, EDGE);
  circle(context, x, y, radius, "#ffffff");
  circle(context, x, y, radius - 1.3, point.color);
  circle(context, x, y, 1, "#ffffff");
  context.globalAlpha = 1;
  if (point.off) {
    const path = [[x, y - 15], [x + 13, y + 9], [x - 13, y + 9], [x, y - 15]];
    line(context, path, BAD, 2.5, true);
    text(context, `${point.off.toFixed(1)} px`, x + 16, y + 4, BAD);
  } else if (point.active) {
    text(context, point.name, x + 11, y - 8, "#ffffff");
  }
}

/** Where the other views, or the detector, put a point: a dashed ring, or a hollow square. */
function drawOffer(context, viewport, point) {
  const [x, y] = viewport.toScreen(point.offer.place);
  context.globalAlpha = point.active ? 1 : 0.75;
  if (point.offer.spread) {
    const [a, b, angle] = axes(point.offer.spread);
    const reach = (deviation) => Math.max(SURE * deviation * viewport.scale, 5);
    for (const [color, width] of [[EDGE, 5], ["#ffffff", 3.5], [point.color, 2]]) {
      context.beginPath();
      context.setLineDash(color === EDGE ? [] : [5, 4]);
      context.ellipse(x, y, reach(a), reach(b), angle, 0, 2 * Math.PI);
      context.strokeStyle = color;
      context.lineWidth = point.active ? width : width / 2;
      context.stroke();
    }
    context.setLineDash([]);
  } else {
    const r = 5;
    const square = [[x - r, y - r], [x + r, y - r], [x + r, y + r], [x - r, y + r], [x - r, y - r]];
    line(context, square, "#ffffff", 3, true);
    line(context, square, point.color, 1.5, false);
  }
  if (point.active) {
    line(context, [[x - 3, y], [x + 3, y]], "#ffffff", 1.5, true);
    line(context, [[x, y - 3], [x, y + 3]], "#ffffff", 1.5, true);
  }
  context.globalAlpha = 1;
}

/** Return the half axes (px) and the angle (rad) of the ellipse of a covariance [xx, xy, yy]. */
function axes([xx, xy, yy]) {
  const middle = (xx + yy) / 2;
  const swing = Math.hypot((xx - yy) / 2, xy);
  const angle = 0.5 * Math.atan2(2 * xy, xx - yy);
  return [Math.sqrt(middle + swing), Math.sqrt(Math.max(middle - swing, 0)), angle];
}

function line(context, points, color, width, edged) {
  for (const [style, wide] of edged ? [[EDGE, width + 2], [color, width]] : [[color, width]]) {
    context.beginPath();
    points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.strokeStyle = style;
    context.lineWidth = wide;
    context.stroke();
  }
}

function circle(context, x, y, radius, color) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = color;
  context.fill();
}

function text(context, words, x, y, color) {
  context.font = "600 12px Inter, 'Segoe UI', 'Liberation Sans', Arial, sans-serif";
  context.lineWidth = 3.5;
  context.strokeStyle = EDGE;
  context.strokeText(words, x, y);
  context.fillStyle = color;
  context.fillText(words, x, y);
}
