// The page of a project: adding videos, and describing board and chamber.
import { post } from "./api.js";
import { followKind, valuesOf } from "./forms.js";
import { makeTake, plainName } from "./take.js";

const adding = document.getElementById("adding");
const views = adding.dataset.views.split(" ");

for (const button of document.querySelectorAll("[data-save]")) {
  const what = button.dataset.save;
  button.addEventListener("click", () => save(`/project/${what}`, valuesOf(what)));
}
document.querySelector("[data-clear]")?.addEventListener("click", () => save("/project/chamber", {}));
for (const button of document.querySelectorAll("[data-add]")) {
  button.addEventListener("click", () => add(button.dataset.add));
}
document.getElementById("close").addEventListener("click", () => save("/close", {}));
followKind();

function save(path, values) {
  return post(path, values).then(() => { location.href = "/"; }, () => {});
}

// Show what chooses the videos, and begin with the dialog: few want to upload.
function add(place) {
  adding.hidden = false;
  adding.replaceChildren();
  const name = place === "recording" ? nameField() : null;
  const box = document.createElement("div");
  if (name) adding.append(name.parentElement);
  adding.append(box);
  const done = document.createElement("button");
  done.type = "button";
  done.className = "main";
  done.textContent = name ? "Add this recording" : "Add these board videos";
  done.disabled = true;
  const take = makeTake(box, {
    title: name ? "Videos of a recording" : "Board videos",
    views: () => views,
    onchange: (files) => {
      if (name && files[0]?.folder && !name.value) name.value = plainName(files[0].folder);
      done.disabled = Object.keys(take.videos()).length === 0;
    },
  });
  done.addEventListener("click", () => {
    save(`/project/${place}`, { name: name?.value.trim() ?? "", videos: take.videos() });
  });
  const bar = document.createElement("p");
  bar.className = "bar";
  bar.append(done);
  adding.append(bar);
  box.querySelector("button.main").click();
}

function nameField() {
  const label = document.createElement("label");
  label.className = "line";
  const title = document.createElement("span");
  title.textContent = "Name of the recording";
  const input = document.createElement("input");
  input.type = "text";
  input.maxLength = 60;
  label.append(title, input);
  return input;
}
