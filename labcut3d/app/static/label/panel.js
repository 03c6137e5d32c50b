// The list of keypoints: what each is called, its colour and key, and how it stands in each view.

const SIGNS = { point: "●", hidden: "–", none: "○", bad: "▲" };
const WORDS = { point: "labelled", hidden: "hidden", none: "not yet", bad: "contradicts the other views" };

export class KeypointList {
  constructor(list, keypoints, choose) {
    this.rows = keypoints.map(({ name, color }, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(make("kbd", keyName(index)), make("span", "", "dot"), make("span", name, "name"), make("span", "", "states"));
      button.children[1].style.background = color;
      button.addEventListener("click", () => choose(index));
      const row = document.createElement("li");
      row.append(button);
      return row;
    });
    list.replaceChildren(...this.rows);
  }

  /** Show which keypoint is chosen, and the states by view: "point", "hidden", "none" or "bad". */
  show(active, views, stateOf) {
    this.rows.forEach((row, index) => {
      const button = row.firstChild;
      const states = views.map((view) => stateOf(view, index));
      button.setAttribute("aria-current", String(index === active));
      button.lastChild.replaceChildren(...states.map((state) => make("span", SIGNS[state], `is-${state}`)));
      const told = views.map((view, v) => `${view}: ${WORDS[states[v]]}`).join("\n");
      if (button.title !== told) button.title = told;
    });
    this.rows[active]?.scrollIntoView({ block: "nearest" });
  }
}

const keyName = (index) => (index < 10 ? String((index + 1) % 10) : index < 20 ? `⇧${(index + 1) % 10}` : "");

export function make(tag, words, name = "") {
  const element = document.createElement(tag);
  element.textContent = words;
  element.className = name;
  return element;
}
