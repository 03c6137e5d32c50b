// The first page while no project is open.
import { post } from "./api.js";
import { choose } from "./chooser.js";

document.getElementById("open").addEventListener("click", async () => {
  const path = await choose("Open a project", "project");
  if (path) await post("/open", { path }).then(() => { location.href = "/"; }, () => {});
});

document.getElementById("demo").addEventListener("click", async (event) => {
  event.target.disabled = true;
  const { folder } = event.target.dataset;
  await post("/demo", { folder, name: "labcut3d-demo" }).then(() => { location.href = "/"; }, () => {});
  event.target.disabled = false;
});
