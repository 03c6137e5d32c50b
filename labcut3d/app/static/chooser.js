// The dialog in which folders of the machine that the app runs on are looked through.
import { get, tell } from "./api.js";

const dialog = document.getElementById("chooser");
const part = (name) => dialog.querySelector(`[data-${name}]`);
let finish = () => {};
let last = "";

part("close").addEventListener("click", () => dialog.close());
dialog.addEventListener("close", () => finish(null));

/**
 * Let a person choose, and return what was chosen, or null.
 *
 * `want` is "videos" (a list of {path, name, stem, folder}), "project" or "folder" (a path).
 */
export function choose(title, want) {
  document.getElementById("chooser-title").textContent = title;
  dialog.dataset.want = want;
  dialog.showModal();
  return new Promise((resolve) => {
    finish = (chosen) => {
      finish = () => {};
      if (dialog.open) dialog.close();
      resolve(chosen);
    };
    show(last, want);
  });
}

async function show(path, want) {
  let folder;
  try {
    folder = await get(`/browse?path=${encodeURIComponent(path)}`);
  } catch (error) {
    if (path) return show("", want);
    finish(null);
    return tell(error.message);
  }
  last = folder.path;
  part("path").textContent = folder.path;
  part("up").disabled = folder.parent === null && folder.roots.length < 2;
  part("up").onclick = () => (folder.parent ? show(folder.parent, want) : showRoots(folder, want));
  const entries = folder.folders.map((entry) => folderItem(entry, want));
  if (want === "videos") entries.push(...folder.videos.map((entry) => tickItem(entry, entry.size)));
  part("entries").replaceChildren(...(entries.length ? entries : [emptyItem(want)]));
  part("entries").onchange = () => count(folder, want);
  if (want === "videos") tickAll(folder);
  count(folder, want);
}

function showRoots(folder, want) {
  const items = folder.roots.map((path) => folderItem({ path, name: path, videos: 0, images: 0 }, want));
  part("entries").replaceChildren(...items);
  part("path").textContent = "";
  part("take").hidden = true; // until a folder is open again
}

function folderItem(entry, want) {
  const item = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "folder";
  button.textContent = entry.name;
  const note = document.createElement("small");
  note.textContent = entry.project ? "labcut3d project"
    : entry.videos ? `${entry.videos} video${entry.videos > 1 ? "s" : ""}`
    : entry.images ? `${entry.images} images` : "";
  button.append(note);
  button.onclick = () =>
    entry.project && want === "project" ? finish(entry.path) : show(entry.path, want);
  item.append(button);
  if (want === "videos" && entry.images) {
    item.append(tick({ ...entry, stem: entry.name }, "as one view"));
  }
  return item;
}

function tickItem(entry, note) {
  const item = document.createElement("li");
  item.append(tick(entry, entry.name));
  const small = document.createElement("small");
  small.textContent = note;
  item.append(small);
  return item;
}

function tick(entry, text) {
  const label = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  box.entry = entry;
  label.append(box, text);
  return label;
}

function tickAll(folder) {
  for (const box of boxes()) {
    box.checked = folder.videos.length > 0 ? Boolean(box.entry.size) : true;
  }
}

function boxes() {
  return [...part("entries").querySelectorAll("input")];
}

function emptyItem(want) {
  const item = document.createElement("li");
  item.className = "note";
  item.textContent = want === "videos" ? "No folders or videos here." : "No folders here.";
  return item;
}

function count(folder, want) {
  const take = part("take");
  const chosen = boxes().filter((box) => box.checked).map((box) => ({ ...box.entry, folder: folder.name }));
  take.hidden = want === "project" && !folder.project;
  if (want === "videos") {
    take.textContent = `Use ${chosen.length} video${chosen.length === 1 ? "" : "s"}`;
    take.disabled = !chosen.length;
    take.onclick = () => finish(chosen);
  } else {
    take.textContent = want === "project" ? "Open this project" : "Use this folder";
    take.disabled = false;
    take.onclick = () => finish(folder.path);
  }
}
