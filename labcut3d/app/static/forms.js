// Fields of a form as the values that project.toml holds.

/** Return the values of the fields called `name`: numbers as numbers, choices as text. */
export function valuesOf(name) {
  const box = document.querySelector(`[data-fields="${name}"]`);
  const fields = [...box.querySelectorAll("[data-key]")].filter((field) => !field.closest("label").hidden);
  return Object.fromEntries(fields.map((field) => [
    field.dataset.key,
    field.type === "number" ? Number(field.value) : field.value,
  ]));
}

/** Show only those fields of a board that its kind has. */
export function followKind() {
  const box = document.querySelector('[data-fields="board"]');
  const kind = box?.querySelector('[data-key="type"]');
  if (!kind) return;
  const follow = () => {
    for (const key of ["marker_length", "dictionary"]) {
      box.querySelector(`[data-key="${key}"]`).closest("label").hidden = kind.value === "chessboard";
    }
  };
  kind.addEventListener("change", follow);
  follow();
}
