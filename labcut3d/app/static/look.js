// Light or dark, as the system is set; a plain script in the head, so that no page flashes. Reports are
// shown in frames that cannot always ask the system: they are told, and are no wiser for it.
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
const look = () => (systemDark.matches ? "dark" : "light");
const tellFrame = (frame) => frame.contentWindow.postMessage({ look: look() }, "*");
function applyLook() {
  document.documentElement.dataset.theme = look();
  document.querySelectorAll("iframe").forEach(tellFrame);
}
systemDark.addEventListener("change", applyLook);
document.addEventListener("load", (event) => { if (event.target.tagName === "IFRAME") tellFrame(event.target); }, true);
applyLook();
