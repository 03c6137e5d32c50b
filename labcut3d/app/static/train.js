// The loss of a training, live: how far the detector still is from the labels, step by step.
import { get } from "./api.js";
import { drawCurve } from "./curve.js";

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
  if (!more.length) return;
  box.hidden = false;
  const series = Object.entries(parts).map(([part, title]) => ({
    title, kind: part, points: points.filter((point) => point[2] === part),
  }));
  drawCurve(box, series, { x: "step of the training", y: "Loss, less is better" });
});
