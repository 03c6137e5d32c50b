// A line over steps, drawn as SVG: plotly sets styles that the content-security policy refuses.
const NS = "http://www.w3.org/2000/svg";
const [WIDTH, HEIGHT] = [900, 260];
const MARGIN = { left: 52, right: 14, top: 12, bottom: 40 };

/** Fill a box with the lines of `series`: {title, kind, points: [[x, y], ...]}; y begins at 0. */
export function drawCurve(box, series, titles) {
  const all = series.flatMap((one) => one.points);
  const [xEnd, yEnd] = [0, 1].map((axis) => niceEnd(Math.max(...all.map((point) => point[axis]))));
  const x = (value) => MARGIN.left + (value / xEnd) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (value) => HEIGHT - MARGIN.bottom - (value / yEnd) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" });
  svg.append(withText("title", {}, `${titles.y} over ${titles.x}`));
  for (let k = 0; k <= 4; k += 1) {
    const [across, up] = [(k / 4) * xEnd, (k / 4) * yEnd];
    svg.append(make("line", { class: "rule", x1: MARGIN.left, x2: WIDTH - MARGIN.right, y1: y(up), y2: y(up) }));
    svg.append(withText("text", { x: MARGIN.left - 8, y: y(up) + 4, "text-anchor": "end" }, short(up)));
    svg.append(withText("text", { x: x(across), y: HEIGHT - MARGIN.bottom + 17, "text-anchor": "middle" }, short(across)));
  }
  svg.append(withText("text", { x: WIDTH / 2, y: HEIGHT - 5, "text-anchor": "middle" }, titles.x));
  for (const one of series) {
    const path = one.points.map(([a, b], k) => `${k ? "L" : "M"}${x(a).toFixed(1)},${y(b).toFixed(1)}`).join("");
    svg.append(make("path", { class: one.kind, d: path }));
  }
  const key = document.createElement("p");
  key.className = "curve-key";
  key.append(`${titles.y}: `, ...series.filter((one) => one.points.length).map((one) => {
    const item = document.createElement("span");
    item.className = one.kind;
    item.textContent = one.title;
    return item;
  }));
  box.replaceChildren(key, svg);
}

function make(name, attributes) {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

function withText(name, attributes, text) {
  const made = make(name, attributes);
  made.textContent = text;
  return made;
}

// The next of 1, 2, 4, 8 times a power of ten: a quarter of it reads well.
function niceEnd(largest) {
  const power = 10 ** Math.floor(Math.log10(Math.max(largest, 1e-9)));
  return [1, 2, 4, 8, 10].find((factor) => factor * power >= largest) * power;
}

function short(value) {
  return String(Number(value.toPrecision(3)));
}
