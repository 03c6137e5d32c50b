// The form of a new project: what is filled in is checked at once, and made as a whole.
import { post, tell } from "./api.js";
import { choose } from "./chooser.js";
import { followKind, valuesOf } from "./forms.js";
import { makeTake, plainName } from "./take.js";

const byId = (id) => document.getElementById(id);
const form = byId("new");
let folder = form.dataset.folder;
let waiting = 0;

const recording = makeTake(form.querySelector('[data-take="recording"]'), {
  title: "Videos of a recording",
  views: () => null,
  onchange: (files) => {
    if (files[0]?.folder) byId("recording-name").value = plainName(files[0].folder) || "recording1";
    calibration.again();
    check();
  },
});
const calibration = makeTake(form.querySelector('[data-take="calibration"]'), {
  title: "Board videos",
  views: () => (recording.views().length ? recording.views() : null),
  onchange: () => {
    byId("has-board").checked ||= Object.keys(calibration.videos()).length > 0;
    showParts();
    check();
  },
});

function wish() {
  const views = recording.views().length ? recording.views() : calibration.views();
  return {
    folder,
    name: byId("name").value.trim(),
    views,
    skeleton: form.elements.skeleton.value,
    recording_name: byId("recording-name").value,
    recording: recording.videos(),
    calibration: calibration.videos(),
    board: byId("has-board").checked ? valuesOf("board") : null,
    chamber: byId("has-chamber").checked ? valuesOf("chamber") : null,
  };
}

// Look at what is there a moment after it was changed, and say it beside the part that it is in.
function check() {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    const asked = wish();
    const answer = await post("/new/check", asked).catch(() => null);
    if (answer) showFindings(answer, asked);
  }, 300);
}

function showFindings({ wrong, found }, asked) {
  if (!asked.name) delete wrong.name;
  if (!asked.views.length) wrong = wrong.name ? { name: wrong.name } : {};
  for (const part of form.querySelectorAll("[data-part]")) {
    showText(part.querySelector(".problem"), wrong[part.dataset.part]);
    const told = part.querySelector(".found");
    if (told) showText(told, found[part.dataset.part]);
  }
}

function showText(element, text = "") {
  element.textContent = text;
  element.hidden = !text;
}

function showParts() {
  byId("board-fields").hidden = !byId("has-board").checked;
  byId("chamber-fields").hidden = !byId("has-chamber").checked;
}

byId("elsewhere").addEventListener("click", async () => {
  folder = (await choose("Where should the project be kept?", "folder")) ?? folder;
  byId("folder").textContent = folder;
  check();
});
form.addEventListener("change", () => { showParts(); check(); });
byId("name").addEventListener("input", check);
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!wish().views.length) return tell("Choose the videos of a recording, or board videos: each becomes a view.");
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  byId("making").textContent = "Taking the videos in …";
  await post("/new", wish()).then(() => { location.href = "/"; }, () => {});
  byId("making").textContent = "";
  button.disabled = false;
});
followKind();
showParts();
