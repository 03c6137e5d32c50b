// What the rig says of the marks of a moment, asked for after each change; the newest question wins.

export class Geometry {
  constructor(changed) {
    this.changed = changed;
    this.views = {}; // view -> {place, spread, distance, deviation}, each by point
    this.curves = {};
    this.limit = Infinity;
    this.asked = 0;
    this.settled = Promise.resolve({});
  }

  clear() {
    this.asked += 1;
    this.views = {};
    this.curves = {};
  }

  /** Ask about points {view: [mark or null, ...]}; `settled` ends with what is answered to this. */
  ask(recording, points, active) {
    this.asked += 1;
    const mine = this.asked;
    this.settled = this.#fetch({ recording, points, active }, mine);
  }

  async #fetch(body, mine) {
    let answer;
    try {
      const response = await fetch("/label/geometry", {
        method: "POST",
        headers: { accept: "application/json", "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      if (!response.ok) return {};
      answer = await response.json();
    } catch {
      return {}; // the queue tells that the server is away
    }
    if (mine === this.asked) {
      Object.assign(this, answer);
      this.changed();
    }
    return answer.views;
  }

  /** Return where the other views put a point, if they do: {place, spread}. */
  place(view, index, views = this.views) {
    const found = views[view];
    return found?.place[index] ? { place: found.place[index], spread: found.spread[index] } : null;
  }

  /** Return by how many px a label contradicts the others, 0 where it does not. */
  contradiction(view, index) {
    const found = this.views[view];
    return (found?.deviation[index] ?? 0) > this.limit ? found.distance[index] : 0;
  }
}
