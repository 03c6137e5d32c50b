// Light or dark, as the system is set; a plain script in the head, so that no page flashes.
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
function applyLook() {
  document.documentElement.dataset.theme = systemDark.matches ? "dark" : "light";
}
systemDark.addEventListener("change", applyLook);
applyLook();
