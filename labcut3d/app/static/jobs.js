// The work that runs: every page shows it, and starts and stops it where it has a `.work` element.
// The server tells the whole state with every change, so all tabs show the same.
import { get, post, tell } from "./api.js";

const works = [...document.querySelectorAll(".work")].map((element) => new Work(element));
let source = null;
let away = false; // whether the page says that the server does not answer

/** Ask for work; the answer is its job. */
export function start(task, recording = null) {
  return post("/jobs", { task, recording });
}

// Return seconds in words, such as "3 min".
function duration(seconds) {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 3600) return `${Math.round(seconds / 60)} min`;
  return `${Math.floor(seconds / 3600)} h ${Math.round((seconds % 3600) / 60)} min`;
}

/** Return what a job is doing, in words. */
export function doing(job) {
  if (job.state === "queued") return "waits for its turn";
  const { progress } = job;
  if (job.state !== "running") return job.state;
  if (!progress) return "starts up …";
  const share = progress.total ? ` ${Math.floor((100 * progress.done) / progress.total)} %` : "";
  const left = progress.left ? `, about ${duration(progress.left)} left of this part` : "";
  return `${progress.title}${share}${left}`;
}

/** The part of a page that starts one kind of work, and shows how it goes. */
function Work(element) {
  const part = (name) => element.querySelector(`[data-${name}]`);
  const [button, stop, text, bar] = ["start", "cancel", "doing", "bar"].map(part);
  const [problem, log] = ["problem", "log"].map(part);
  const { task, recording } = element.dataset;
  let job = null;
  let shown = 0;

  button.addEventListener("click", () => start(task, recording || null).catch(() => {}));
  stop.addEventListener("click", () => post(`/jobs/${job.name}/cancel`).catch(() => {}));
  log.addEventListener("toggle", () => showLog());
  const blocked = button.disabled;

  async function showLog() {
    if (!log.open || !job) return;
    const lines = await get(`/jobs/${job.name}/log?start=${shown}`).catch(() => []);
    shown += lines.length;
    for (const line of lines) log.querySelector("ol").append(logLine(line));
  }

  this.show = (jobs) => {
    const before = job;
    job = jobs.find((one) => one.task === task && (one.recording ?? "") === recording) ?? null;
    if (job?.name !== before?.name) {
      shown = 0;
      log.querySelector("ol").replaceChildren();
    } else if (isAlive(before) && job.state === "done") {
      location.reload(); // for the page to show what was made
      return;
    }
    const alive = isAlive(job);
    button.disabled = blocked || alive;
    stop.hidden = !alive;
    bar.hidden = !alive;
    text.textContent = alive ? doing(job) : "";
    showBar(bar, job);
    problem.hidden = alive || !job || job.state === "done";
    problem.textContent = problem.hidden ? "" : ending(job);
    log.hidden = !job;
    showLog();
  };
}

function isAlive(job) {
  return job !== null && ["queued", "running"].includes(job.state);
}

function showBar(bar, job) {
  const progress = job?.progress;
  if (progress?.total) {
    bar.max = progress.total;
    bar.value = progress.done;
  } else {
    bar.removeAttribute("value");
  }
}

/** Return how a job ended, in words. */
export function ending(job) {
  if (job.state === "cancelled") return "Stopped. What was finished is kept; run it again to go on.";
  return job.message;
}

function logLine(line) {
  const item = document.createElement("li");
  item.className = line.level;
  const time = document.createElement("time");
  time.textContent = new Date(1000 * line.time).toLocaleTimeString();
  item.append(time, line.text);
  return item;
}

function showBusy(jobs) {
  const busy = document.getElementById("busy");
  const running = jobs.filter(isAlive);
  busy.hidden = !running.length;
  if (!running.length) return;
  const first = running.find((job) => job.state === "running") ?? running[0];
  const { progress } = first;
  const share = progress?.total ? ` ${Math.floor((100 * progress.done) / progress.total)} %` : "";
  const more = running.length > 1 ? `, ${running.length - 1} waiting` : "";
  busy.textContent = `${first.title}${share}${more}`;
  busy.href = { calibrate: "/calibrate", chamber: "/calibrate", train: "/train", evaluate: "/train", refine: "/train", suggest: "/label" }[first.task]
    ?? "/reconstruct";
}

function listen() {
  source = new EventSource("/jobs/events");
  source.addEventListener("jobs", (event) => {
    const { project, jobs } = JSON.parse(event.data);
    if (away) tell("");
    away = false;
    if (document.body.dataset.project && document.body.dataset.project !== project) {
      location.href = "/"; // another tab opened another project
      return;
    }
    document.body.dataset.project = project;
    for (const work of works) work.show(jobs);
    showBusy(jobs);
    document.dispatchEvent(new CustomEvent("jobs", { detail: jobs }));
  });
  source.addEventListener("left", () => { location.href = "/"; });
  source.onerror = () => {
    away = true;
    if (source.readyState === EventSource.CLOSED) tell("labcut3d was stopped or asks you to log in again: open the newest address from the terminal.");
    else tell("labcut3d does not answer. Does it still run in the terminal?");
  };
}

// A browser keeps few connections to one server, so only tabs that are looked at hold one.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) source?.close();
  else listen();
});
window.addEventListener("pagehide", () => source?.close());
if (!document.hidden) listen();
