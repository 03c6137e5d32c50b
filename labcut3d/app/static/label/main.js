// The labelling page: puts the parts together.

import { get, tell } from "../api.js";
import { start } from "../jobs.js";
import { Editor } from "./editor.js";
import { Geometry } from "./geometry.js";
import { listenToKeys } from "./keys.js";
import { Moments } from "./moments.js";
import { drawScene } from "./overlay.js";
import { KeypointList, make } from "./panel.js";
import { Pictures } from "./pictures.js";
import { Queue } from "./queue.js";
import { hintOf, sceneOf } from "./scene.js";
import { Viewport } from "./viewport.js";

const LOOK_AGAIN = 2500; // ms, for what other windows did
const $ = (id) => document.getElementById(id);
const page = $("labeller");
const pictures = new Pictures();
let editor, moments, viewports, list;
let why = ""; // what keeps the rig from helping
let revision = "";
let saves = 0; // answers of the queue so far: what was asked for before one is old
let notice = null;
let frameWaiting = false;
let suggesting = null; // the name of the work that chooses moments, while it lasts

const queue = new Queue(page.dataset.project, {
  saved(answer, recording) {
    saves += 1;
    if (recording !== editor?.setup.recording) return;
    moments.labelled = answer.labelled;
    showWhere();
  },
  conflict({ found, ...spot }, mine, recording) {
    if (recording !== editor?.setup.recording) return;
    editor.overrule(spot, found);
    const words = `Another window changed ${spot.keypoint} in ${spot.view}, frame ${spot.frame}, meanwhile; its label is shown.`;
    notice = { words, label: "Use mine instead", act: () => editor.change([[spot, mine.after]]) };
    show();
  },
  refused(message, recording, changes) {
    tell(message);
    if (recording === editor?.setup.recording) for (const one of changes) editor.overrule(one, one.before);
  },
  state: showSaved,
});

// Opening a recording, and going to a frame ------------------------------------------------------

async function open(recording, frame) {
  const setup = await get(`/label/setup?${new URLSearchParams({ recording })}`);
  if (editor) editor.frame = null;
  const geometry = new Geometry(show);
  editor = new Editor(setup, queue, geometry, show);
  editor.after = $("after").value = localStorage.getItem("labcut3d.after") ?? "same";
  moments = new Moments(setup);
  $("recording").value = setup.recording;
  $("detect").hidden = !setup.detector;
  showViews();
  showKinds();
  showIndividuals();
  list = new KeypointList($("keypoints"), setup.keypoints, (keypoint) => acts.choose(keypoint));
  $("frame").min = setup.frames.first;
  $("frame").max = setup.frames.last;
  const first = frame ?? moments.list()[0]?.frame ?? setup.frames.first;
  await goTo(first);
  askRig(editor);
}

/** The rig comes after the pictures: where nothing was reckoned yet, it takes some seconds. */
async function askRig(asking) {
  try {
    const rig = await get(`/label/rig?${new URLSearchParams({ recording: asking.setup.recording })}`);
    asking.rigged = rig.views;
    why = rig.why && asking.views.length > 1 ? "(Not calibrated yet: the views cannot help each other.)" : "";
  } catch (error) {
    tell(error.message);
  }
  if (asking === editor) editor.refresh();
}

async function goTo(frame) {
  const going = editor;
  const { recording } = going.setup;
  notice = null;
  going.frame = frame;
  going.geometry.clear();
  const next = moments.away(frame, 1);
  const around = [next, moments.away(frame, -1), next === null ? null : moments.away(next, 1)].filter((other) => other !== null);
  const addresses = (other) => going.views.map((view) => addressOf(going.setup, view, other));
  pictures.ahead(around.map(addresses), addresses(frame));
  history.replaceState(null, "", `?${new URLSearchParams({ recording, frame })}`);
  showWhere();
  const shown = going.views.map(async (view, v) => {
    const isHere = () => editor === going && going.frame === frame;
    try {
      const bitmap = await pictures.get(addresses(frame)[v]);
      if (isHere()) viewports[v].show(bitmap);
    } catch (error) {
      if (isHere()) viewports[v].show(null, error.message);
    }
  });
  if (going.marks.has(frame)) going.refresh();
  await Promise.all([...shown, look("")]);
  page.dataset.shown = `${recording} ${frame}`;
}

const addressOf = (setup, view, frame) =>
  `/label/image?${new URLSearchParams({ recording: setup.recording, view: view.name, frame, v: setup.version })}`;

/** Look what the server has; another window may have changed it. */
async function look(since = revision) {
  const { frame, setup } = editor;
  const before = saves;
  let answer;
  try {
    answer = await get(`/label/marks?${new URLSearchParams({ recording: setup.recording, frame, since })}`);
  } catch (error) {
    if (!since) tell(error.message);
    return;
  }
  if (setup !== editor.setup || frame !== editor.frame) return;
  if (saves !== before) return look(""); // something was saved meanwhile: this answer may be older
  if (answer.revision === since && !answer.marks) return;
  if (editor.dragged) return;
  revision = answer.revision;
  moments.labelled = answer.labelled;
  const fresh = answer.individuals.filter((name) => !editor.individuals.includes(name));
  if (fresh.length) {
    editor.individuals.push(...fresh);
    showIndividuals();
  }
  editor.load(frame, answer.marks);
  showWhere();
}

const move = (step) => {
  const frame = moments.away(editor.frame, step);
  if (frame !== null) goTo(frame);
};

// What is shown ----------------------------------------------------------------------------------

function showViews() {
  const figures = editor.views.map((view) => {
    const figure = make("figure", "", "view");
    const caption = make("figcaption", "");
    const hidden = make("button", "Hidden here");
    hidden.type = "button";
    hidden.title = "The chosen keypoint cannot be seen in this view (H)";
    hidden.addEventListener("click", () => editor.hide(view));
    caption.append(make("b", view.name), make("span", "", "state"), hidden);
    figure.append(caption, make("div", "", "stage"));
    return figure;
  });
  $("views").replaceChildren(...figures);
  $("views").style.setProperty("--columns", Math.ceil(Math.sqrt(figures.length)));
  const acts = {
    near: (view, place, reach) => editor.near(view, place, reach),
    press: (...values) => {
      forget();
      editor.press(...values);
    },
    drag: (...values) => editor.drag(...values),
    drop: (...values) => editor.drop(...values),
    clear: (...values) => editor.clear(...values),
    hover: (view) => {
      editor.hovered = view;
      show();
    },
  };
  const paint = (context, viewport) => {
    if (editor.frame !== null) drawScene(context, viewport, sceneOf(editor, viewport.view));
  };
  viewports = editor.views.map((view, v) => new Viewport(figures[v].lastChild, view, acts, paint));
  showLight();
}

/** Show everything that follows from the marks, once a picture of the screen. */
function show() {
  if (frameWaiting) return;
  frameWaiting = true;
  requestAnimationFrame(() => {
    frameWaiting = false;
    if (editor.frame === null) return;
    for (const viewport of viewports) viewport.drawMarks();
    const first = editor.individual * editor.setup.keypoints.length;
    list.show(editor.keypoint, editor.views.map((view) => view.name), (name, keypoint) =>
      editor.state(editor.views.find((view) => view.name === name), first + keypoint));
    editor.views.forEach((view, v) => {
      const figure = $("views").children[v];
      const mark = editor.mark(view, editor.active);
      figure.classList.toggle("under", view === editor.hovered);
      figure.querySelector(".state").textContent = mark === "hidden" ? `${editor.setup.keypoints[editor.keypoint].name} is hidden here` : "";
      figure.querySelector("button").setAttribute("aria-pressed", String(mark === "hidden"));
    });
    $("undo").disabled = !editor.marks.done.length;
    $("redo").disabled = !editor.marks.undone.length;
    $("individual").value = editor.individual;
    $("detect").textContent = editor.found.has(editor.frame) ? "Hide detections" : "Show detections";
    showHint();
  });
}

function showHint() {
  const { color } = editor.setup.keypoints[editor.keypoint];
  const words = notice ? [[notice.words]] : hintOf(editor, why);
  const told = JSON.stringify([color, words]);
  if (told === $("hint").dataset.told) return; // a button that is pressed just now stays there
  $("hint").dataset.told = told;
  const dot = make("span", "", "dot");
  dot.style.background = color;
  const parts = words.map(([part, strong]) => (strong ? make("b", part) : part));
  $("hint").replaceChildren(...(notice ? [] : [dot, " "]), ...parts, ...(notice?.act ? [noticeButton(notice)] : []));
}

function noticeButton({ label, act }) {
  const button = make("button", label);
  button.addEventListener("click", () => {
    notice = null;
    act();
  });
  return button;
}

function showWhere() {
  const { place, reason } = moments.told(editor.frame);
  const marks = moments.labelled[editor.frame] ?? 0;
  const all = editor.count * editor.views.length;
  $("where").textContent = `${place} · ${marks >= all ? "✓ done" : `${marks} of ${all} marks`}`;
  $("where").title = reason;
  if (reason && !notice) $("where").textContent += ` · ${reason}`;
  $("frame").value = editor.frame;
  $("previous").disabled = moments.away(editor.frame, -1) === null;
  $("next").disabled = moments.away(editor.frame, 1) === null;
}

function showSaved() {
  const saved = $("saved");
  const clicks = queue.count === 1 ? "1 change" : `${queue.count} changes`;
  saved.className = `tool saved ${queue.trouble ? "waiting" : queue.count ? "saving" : ""}`;
  saved.textContent = queue.trouble ? `⚠ ${clicks} not saved yet` : queue.count ? "Saving …" : "✓ All saved";
  if (queue.trouble) tell(`${queue.trouble}. ${clicks} wait${queue.count === 1 ? "s" : ""} in this browser and will be saved then; you can go on labelling.`);
  else if (saved.dataset.trouble) tell("");
  saved.dataset.trouble = queue.trouble ? "yes" : "";
}

function showKinds() {
  const counts = moments.counts();
  for (const option of $("kind").options) {
    option.dataset.name ??= option.textContent;
    option.textContent = `${option.dataset.name} (${counts[option.value]})`;
    option.disabled = !counts[option.value];
  }
  $("kind").value = moments.kind;
}

function showIndividuals() {
  const select = $("individual");
  select.replaceChildren(...editor.individuals.map((name, index) => Object.assign(make("option", name), { value: index })));
  $("individual-tool").hidden = editor.individuals.length < 2;
}

function showLight() {
  const filter = `brightness(${$("brightness").value}%) contrast(${$("contrast").value}%)`;
  for (const viewport of viewports ?? []) viewport.picture.style.filter = filter;
}

function fitToWindow() {
  page.style.setProperty("--above", `${page.offsetTop + 8}px`);
}

// What one can do --------------------------------------------------------------------------------

async function again(which) {
  const frame = which === "undo" ? editor.marks.nextUndo : editor.marks.nextRedo;
  if (frame === undefined) return;
  if (frame !== editor.frame) await goTo(frame);
  editor[which]();
}

async function detect() {
  const { frame, setup } = editor;
  if (editor.found.delete(frame)) return show();
  notice = { words: "The detector looks at this moment …" };
  show();
  try {
    const response = await fetch(`/label/detected?${new URLSearchParams({ recording: setup.recording, frame })}`, { method: "POST", headers: { accept: "application/json" } });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
    if (setup !== editor.setup) return;
    editor.found.set(frame, answer);
    notice = { words: `Squares are what ${answer.source} says. Enter accepts the chosen keypoint, Shift+Enter all; drag what is wrong.` };
  } catch (error) {
    notice = null;
    tell(error.message);
  }
  show();
}

/** Show how far the choice of moments is, and go through them once they are chosen. */
async function showSuggesting(jobs) {
  const job = jobs.find((one) => one.task === "suggest") ?? null;
  const alive = job !== null && ["queued", "running"].includes(job.state);
  const share = job?.progress?.total ? ` ${Math.floor((100 * job.progress.done) / job.progress.total)} %` : "";
  $("suggest").disabled = alive;
  $("suggest").textContent = alive ? `Choosing moments${share} …` : "Suggest";
  const ended = !alive && suggesting !== null && suggesting === job?.name;
  suggesting = alive ? job.name : null;
  if (!ended || !editor) return;
  if (job.state !== "done") return tell(job.message);
  const { setup } = editor;
  const fresh = await get(`/label/setup?${new URLSearchParams({ recording: setup.recording })}`);
  if (setup !== editor.setup) return;
  moments = new Moments(fresh);
  showKinds();
  const counts = moments.counts();
  notice = { words: counts.suggested ? `${counts.suggested} moments of this recording are suggested: press → to go through them.` : "The moments that are suggested are all in other recordings." };
  showWhere();
  show();
}

/** Forget a notice that was read; one that asks something stays. */
function forget() {
  if (!notice?.act) notice = null;
}

const acts = {
  choose: (keypoint) => {
    forget();
    editor.choose(keypoint);
  },
  step: (by) => {
    forget();
    editor.step(by);
  },
  move,
  accept: () => editor.accept(),
  acceptAll: () => editor.accept(true),
  hideHere: () => editor.hide(editor.hovered),
  hideRest: () => editor.hideRest(),
  clearHere: () => editor.clear(editor.hovered, editor.active),
  undo: () => again("undo"),
  redo: () => again("redo"),
  fit: () => viewports.forEach((viewport) => viewport.fit()),
  help: () => $("help-dialog").showModal(),
  detect: () => editor.setup.detector && detect(),
};

for (const name of ["undo", "redo", "detect", "help"]) $(name).addEventListener("click", acts[name]);
$("suggest").addEventListener("click", () => start("suggest").catch(() => {}));
document.addEventListener("jobs", ({ detail }) => showSuggesting(detail).catch((error) => tell(error.message)));
$("previous").addEventListener("click", () => move(-1));
$("next").addEventListener("click", () => move(1));
for (const name of ["brightness", "contrast"]) {
  $(name).addEventListener("input", showLight);
  $(name).addEventListener("dblclick", () => {
    $(name).value = 100;
    showLight();
  });
}
$("recording").addEventListener("change", () => open($("recording").value).catch((error) => tell(error.message)));
$("kind").addEventListener("change", () => {
  moments.kind = $("kind").value;
  showKinds();
  const known = moments.list().some((moment) => moment.frame === editor.frame);
  goTo(known ? editor.frame : moments.list()[0].frame);
});
$("frame").addEventListener("change", () => {
  const { first, last } = editor.setup.frames;
  const frame = Math.min(Math.max(Math.round(Number($("frame").value)) || first, first), last);
  $("frame").blur();
  goTo(frame);
});
$("individual").addEventListener("change", () => editor.choose(editor.keypoint, Number($("individual").value)));
$("after").addEventListener("change", () => {
  editor.after = $("after").value;
  localStorage.setItem("labcut3d.after", editor.after);
});
$("another").addEventListener("click", () => $("animal-dialog").showModal());
$("animal-dialog").addEventListener("close", () => {
  const name = $("animal-name").value.trim();
  if ($("animal-dialog").returnValue !== "add" || !name || editor.individuals.includes(name)) return;
  editor.individuals.push(name);
  $("animal-name").value = "";
  showIndividuals();
  editor.choose(0, editor.individuals.length - 1);
});
addEventListener("resize", fitToWindow);
addEventListener("focus", () => editor && look());
setInterval(() => editor && document.visibilityState === "visible" && look(), LOOK_AGAIN);
listenToKeys(new Proxy(acts, { get: (known, name) => (...values) => editor && known[name](...values) }));

const asked = new URLSearchParams(location.search);
fitToWindow();
new ResizeObserver(fitToWindow).observe(document.body);
showSaved();
await queue.adopt();
open(asked.get("recording") ?? $("recording").value, asked.has("frame") ? Number(asked.get("frame")) : undefined)
  .catch((error) => tell(error.message));
