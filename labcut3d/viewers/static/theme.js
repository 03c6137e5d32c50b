// Light or dark: as the reader's system is set, until the button says otherwise. Figures are made for
// light pages; `recolour` gives a copy in which every colour named in `darkColours` is its dark one.
"use strict";

const pageData = JSON.parse(document.getElementById("data").textContent);
const systemDark = window.matchMedia("(prefers-color-scheme: dark)");
const themeListeners = []; // called with nothing when light and dark change
let chosenTheme = null;

const isDark = () => (chosenTheme || (systemDark.matches ? "dark" : "light")) === "dark";

const darkTriples = new Map(Object.entries(pageData.darkColours).map(([light, dark]) =>
  [triple(light).join(), triple(dark)]));

function triple(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

function recolourText(text) {
  return text
    .replace(/#[0-9a-fA-F]{6}\b/g, (hex) => pageData.darkColours[hex.toLowerCase()] || hex)
    .replace(/rgba\((\d+), ?(\d+), ?(\d+)/g, (whole, ...rgb) => {
      const dark = darkTriples.get(rgb.slice(0, 3).join());
      return dark ? `rgba(${dark.join()}` : whole;
    });
}

// Only values under a key that names a colour are changed: labels of the user stay as they are.
function recolour(value, key = "") {
  if (!isDark() || value === null || ArrayBuffer.isView(value)) return value;
  if (typeof value === "string") return /color/i.test(key) ? recolourText(value) : value;
  if (Array.isArray(value)) {
    return key || typeof value[0] === "object" ? value.map((item) => recolour(item, key)) : value;
  }
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) =>
    [name, recolour(item, /color/i.test(name) ? name : "")]));
}

function applyTheme() {
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
  themeListeners.forEach((listener) => listener());
}

function setTheme(theme) {
  chosenTheme = theme;
  applyTheme();
}

document.getElementById("theme").onclick = () => setTheme(isDark() ? "light" : "dark");
systemDark.addEventListener("change", applyTheme);
window.addEventListener("message", ({ source, data }) => { // of the page around a frame
  if (source === window.parent && source !== window && data && ["light", "dark"].includes(data.look)) setTheme(data.look);
});
applyTheme();
