// What keys do; fields that one types into keep theirs.

export function listenToKeys(acts) {
  // A button that was clicked would take Enter and Space for itself.
  addEventListener("click", (event) => event.detail > 0 && event.target.closest("button")?.blur());
  addEventListener("change", (event) => event.target.matches("select, input[type=range]") && event.target.blur());
  addEventListener("keydown", (event) => {
    const typing = event.target.matches("input, select, textarea");
    if (typing || document.querySelector("dialog[open]")) return;
    const act = actOf(event);
    if (!act || (event.target.matches("button, a, summary") && ["Enter", " "].includes(event.key))) return;
    event.preventDefault();
    acts[act.name](...act.values);
  });
}

function actOf(event) {
  const does = (name, ...values) => ({ name, values });
  const letter = event.key.toLowerCase();
  if (event.ctrlKey || event.metaKey) {
    if (letter === "z") return does(event.shiftKey ? "redo" : "undo");
    return letter === "y" ? does("redo") : null;
  }
  if (event.altKey) return null;
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(event.code);
  if (digit) return does("choose", ((Number(digit[1]) + 9) % 10) + (event.shiftKey ? 10 : 0));
  switch (event.key) {
    case "ArrowLeft": return does("move", -1);
    case "ArrowRight": return does("move", 1);
    case "ArrowUp": return does("step", -1);
    case "ArrowDown": return does("step", 1);
    case "Enter": return does(event.shiftKey ? "acceptAll" : "accept");
    case " ": return does("accept");
    case "Delete": case "Backspace": return does("clearHere");
    case "?": return does("help");
  }
  switch (letter) {
    case "h": return does(event.shiftKey ? "hideRest" : "hideHere");
    case "f": return does("fit");
    case "p": return does("detect");
  }
  return null;
}
