// The loss of a training, live: how far the detector still is from the labels, step by step.
import { get } from "./api.js";

const box = document.getElementById("curve");
const parts = { locator: "finding the animal", keypoints: "finding the keypoints" };
let name = null;
let points = [];
let busy = false;

document.addEventListener("jobs", async ({ detail: jobs }) => {
  const job = jobs.find((one) => one.task === "train");
  if (!job || busy) return;
  busy = true;
  if (job.name !== name) [name, points] = [job.name, []];
  const more = await get(`/jobs/${job.name}/curve?start=${points.length}`).catch(() => []);
  points.push(...more);
  busy = false;
  if (more.length) draw();
});

function draw() {
  box.hidden = false;
  const style = getComputedStyle(document.documentElement);
  const color = (variable) => style.getPropertyValue(variable).trim();
  const traces = Object.entries(parts).map(([part, title], index) => {
    const own = points.filter((point) => point[2] === part);
    return {
      x: own.map((point) => point[0]), y: own.map((point) => point[1]), name: title, mode: "lines",
      line: { color: index ? color("--accent") : color("--warn"), width: 2 },
    };
  });
  const axis = { gridcolor: color("--rule"), zeroline: false, color: color("--muted") };
  Plotly.react(box, traces, {
    height: 300, margin: { l: 56, r: 16, t: 8, b: 44 }, hovermode: "x",
    paper_bgcolor: color("--paper"), plot_bgcolor: color("--paper"),
    font: { family: style.fontFamily, color: color("--ink"), size: 12 },
    legend: { orientation: "h", y: 1.1 },
    xaxis: { ...axis, title: { text: "step of the training" } },
    yaxis: { ...axis, title: { text: "loss (less is better)" }, rangemode: "tozero" },
  }, { responsive: true, displayModeBar: false });
}
