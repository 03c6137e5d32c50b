// Choosing the videos of all views: on the machine of the app, or from the browser's own by upload.
import { MEANINGS, tell } from "./api.js";
import { choose } from "./chooser.js";

const LETTERS = /[^A-Za-z0-9_-]+/g;

/** Return a text as the name of a view or a recording: letters, digits, - and _ only. */
export function plainName(text) {
  return text.replace(LETTERS, "-").replace(/^-+|-+$/g, "");
}

/**
 * Fill an element with what chooses videos.
 *
 * `views()` returns the names of the views, or null where the videos give them their names. The
 * object that is returned has `videos()`, the path of each view, and `views()`.
 */
export function makeTake(element, { title, views, onchange }) {
  let chosen = []; // {path, name, stem, view}
  const rows = document.createElement("div");
  rows.className = "rows";
  const upload = fileInput();
  const bar = document.createElement("p");
  bar.className = "bar";
  const status = document.createElement("span");
  status.className = "doing";
  bar.append(
    button("Choose videos", "main", async () => take(await choose(title, "videos"))),
    button("Upload from this computer", "", () => upload.click()),
    status,
  );
  element.append(rows, bar, upload);
  upload.addEventListener("change", () => takeFiles([...upload.files]));
  dropZone(element, takeFiles);

  function take(files) {
    if (!files?.length) return;
    chosen = assign(files, views());
    show();
    onchange(files);
  }

  async function takeFiles(files) {
    const taken = [];
    for (const [index, file] of files.entries()) {
      const told = (share) => { status.textContent = `${file.name}, ${index + 1} of ${files.length}: ${share} %`; };
      const answer = await send(file, told).catch((error) => tell(error.message));
      if (!answer) break;
      taken.push({ ...answer, folder: "" });
    }
    status.textContent = "";
    take(taken);
  }

  function show() {
    const names = views();
    rows.replaceChildren(...chosen.map((one) => {
      const row = document.createElement("label");
      row.className = "view-row";
      const field = names ? viewSelect(one, names) : viewInput(one);
      field.setAttribute("aria-label", `view of ${one.name}`);
      field.addEventListener("change", () => onchange([]));
      const file = document.createElement("span");
      file.textContent = one.name;
      row.append(field, file, button("×", "plain", () => {
        chosen = chosen.filter((other) => other !== one);
        show();
        onchange([]);
      }));
      return row;
    }));
    element.classList.toggle("filled", chosen.length > 0);
  }

  return {
    views: () => chosen.map((one) => one.view),
    videos: () => Object.fromEntries(chosen.map((one) => [one.view, one.path])),
    again: () => { chosen = assign(chosen, views()); show(); },
  };
}

// Give each video a view: the one of its name, one whose name it contains, or the next in order.
function assign(files, names) {
  if (!names) return files.map((file) => ({ ...file, view: plainName(file.stem) }));
  const free = new Set(names);
  const take = (found) => { free.delete(found); return found; };
  const fits = (file, name) => file.stem.toLowerCase().includes(name.toLowerCase());
  const exact = files.map((file) => (free.has(file.stem) ? take(file.stem) : undefined));
  return files.map((file, index) => {
    const view = exact[index] ?? take([...free].find((name) => fits(file, name)) ?? [...free][0]);
    return { ...file, view: view ?? names[0] };
  });
}

function viewInput(one) {
  const input = document.createElement("input");
  input.type = "text";
  input.value = one.view;
  input.maxLength = 60;
  input.addEventListener("input", () => { one.view = input.value; });
  input.addEventListener("change", () => { one.view = input.value = plainName(input.value); });
  return input;
}

function viewSelect(one, names) {
  const select = document.createElement("select");
  select.append(...names.map((name) => new Option(name, name, false, name === one.view)));
  select.addEventListener("change", () => { one.view = select.value; });
  return select;
}

function button(text, kind, action) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = kind;
  made.textContent = text;
  made.addEventListener("click", action);
  return made;
}

function fileInput() {
  const input = document.createElement("input");
  input.type = "file";
  input.multiple = true;
  input.hidden = true;
  input.accept = "video/*,.avi,.mkv";
  return input;
}

function dropZone(element, action) {
  element.classList.add("drop");
  element.addEventListener("dragover", (event) => { event.preventDefault(); element.classList.add("over"); });
  element.addEventListener("dragleave", () => element.classList.remove("over"));
  element.addEventListener("drop", (event) => {
    event.preventDefault();
    element.classList.remove("over");
    action([...event.dataTransfer.files]);
  });
}

// fetch() does not tell how far an upload is.
function send(file, told) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", `/uploads/${encodeURIComponent(file.name)}`);
    request.setRequestHeader("accept", "application/json");
    request.responseType = "json";
    request.upload.onprogress = (event) => told(Math.floor((100 * event.loaded) / event.total));
    request.onload = () => (request.status === 200
      ? resolve(request.response)
      : reject(new Error(`${file.name}: ${request.response?.error ?? MEANINGS[request.status] ?? "was refused."}`)));
    request.onerror = () => reject(new Error(`${file.name} could not be sent, or is too large.`));
    request.send(file);
  });
}
