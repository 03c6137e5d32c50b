// The queue of a project: all recordings at once, and what was run before.
import { post } from "./api.js";
import { doing, ending, start } from "./jobs.js";

const table = document.getElementById("jobs");

document.getElementById("all")?.addEventListener("click", async () => {
  for (const work of document.querySelectorAll('.work[data-task="reconstruct"]')) {
    const row = work.closest("tr").querySelector(".standing");
    const ready = !row.classList.contains("done") && !work.querySelector("[data-start]").disabled;
    if (ready) await start("reconstruct", work.dataset.recording).catch(() => {});
  }
});

document.addEventListener("jobs", ({ detail: jobs }) => {
  table.hidden = !jobs.length;
  document.getElementById("no-jobs").hidden = jobs.length > 0;
  table.tBodies[0].replaceChildren(...jobs.map(row));
});

function row(job) {
  const made = document.createElement("tr");
  const alive = ["queued", "running"].includes(job.state);
  const state = alive ? doing(job) : [job.state, ending(job)].filter(Boolean).join(": ");
  for (const text of [job.title, new Date(1000 * job.created).toLocaleString(), state]) {
    made.insertCell().textContent = text;
  }
  made.className = job.state;
  const cell = made.insertCell();
  if (alive) cell.append(button("Stop", () => post(`/jobs/${job.name}/cancel`)));
  if (["failed", "cancelled", "interrupted"].includes(job.state)) {
    cell.append(button("Run again", () => start(job.task, job.recording)));
  }
  return made;
}

function button(text, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", () => action().catch(() => {}));
  return made;
}
