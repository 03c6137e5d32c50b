// What one can do to the marks of a moment; knows nothing of the page around it.
//
// A point is a keypoint of an individual, by index: individual * number of keypoints + keypoint.

import { Marks } from "./marks.js";

const LEAST = 0.3; // confidence from which a detection is offered

export class Editor {
  /** `changed()` is called whenever there is something new to be shown. */
  constructor(setup, queue, geometry, changed) {
    Object.assign(this, { setup, queue, geometry, changed });
    this.marks = new Marks();
    this.views = setup.views;
    this.individuals = [...setup.individuals];
    this.individual = 0;
    this.keypoint = 0;
    this.frame = null;
    this.after = "same";
    this.hovered = this.views[0];
    this.rigged = []; // names of the views that the rig knows
    this.found = new Map(); // frame -> what the detector found
    this.dragged = null;
  }

  get active() {
    return this.individual * this.setup.keypoints.length + this.keypoint;
  }

  get count() {
    return this.individuals.length * this.setup.keypoints.length;
  }

  spot(view, point, frame = this.frame) {
    const { keypoints } = this.setup;
    return {
      frame,
      view: view.name,
      individual: this.individuals[Math.floor(point / keypoints.length)],
      keypoint: keypoints[point % keypoints.length].name,
    };
  }

  mark(view, point) {
    return this.marks.get(this.spot(view, point));
  }

  /** Return where a point that is not labelled in a view is offered: by the rig, else the detector. */
  offer(view, point, frame = this.frame, told = this.geometry.place(view.name, point)) {
    if (told) return inside(view, told.place) ? told : null;
    const found = this.found.get(frame)?.views[view.name];
    const keypoint = point - this.individual * this.setup.keypoints.length;
    const place = found?.position[keypoint];
    const sure = place && found.confidence[keypoint] >= LEAST && inside(view, place);
    return sure ? { place, spread: null } : null;
  }

  /** Tell how a point stands in a view: "point", "hidden", "none" or "bad". */
  state(view, point) {
    const mark = this.mark(view, point);
    if (!Array.isArray(mark)) return mark ?? "none";
    return this.geometry.contradiction(view.name, point) ? "bad" : "point";
  }

  /** Return the point whose mark, or offered place, is nearest to a place of the picture, or null. */
  near(view, place, reach) {
    let best = null;
    for (let point = 0; point < this.count; point += 1) {
      const mark = this.mark(view, point);
      const there = Array.isArray(mark) ? mark : mark === null ? this.offer(view, point)?.place : null;
      const away = there ? Math.hypot(there[0] - place[0], there[1] - place[1]) : Infinity;
      const ahead = point === this.active ? away * 0.7 : away;
      if (away <= reach && (!best || ahead < best.ahead)) best = { point, ahead };
    }
    return best?.point ?? null;
  }

  choose(keypoint, individual = this.individual) {
    if (keypoint < 0 || keypoint >= this.setup.keypoints.length) return;
    this.keypoint = keypoint;
    this.individual = individual;
    this.refresh();
  }

  step(by) {
    const count = this.setup.keypoints.length;
    this.choose((this.keypoint + by + count) % count);
  }

  /** A click: place the chosen point, or choose the one clicked on where that is placed already. */
  press(view, point, place) {
    const placed = Array.isArray(this.mark(view, this.active));
    if (point !== null && point !== this.active && placed) {
      const { length } = this.setup.keypoints;
      this.choose(point % length, Math.floor(point / length));
    } else if (inside(view, place)) {
      this.change([[this.spot(view, this.active), rounded(view, place)]]);
      this.#advance(view);
    }
  }

  drag(view, point, place) {
    const spot = this.spot(view, point);
    this.dragged ??= { spot, before: this.marks.get(spot) };
    this.marks.put(spot, rounded(view, place));
    this.refresh();
  }

  drop(view, point, place) {
    const { spot, before } = this.dragged ?? {};
    this.dragged = null;
    if (spot) {
      this.marks.put(spot, before);
      this.change([[spot, rounded(view, place)]]);
    }
  }

  clear(view, point) {
    if (point !== null) this.change([[this.spot(view, point), null]]);
  }

  hide(view) {
    const hidden = this.mark(view, this.active) === "hidden";
    this.change([[this.spot(view, this.active), hidden ? null : "hidden"]]);
    if (!hidden) this.#advance(view);
  }

  hideRest() {
    const bare = this.views.filter((view) => this.mark(view, this.active) === null);
    this.change(bare.map((view) => [this.spot(view, this.active), "hidden"]));
    this.#advance(this.hovered);
  }

  /** Accept the offered places of the chosen point, or of all points, as they are now. */
  async accept(all = false) {
    const { frame } = this;
    const points = all ? [...Array(this.count).keys()] : [this.active];
    const told = await this.geometry.settled; // one may have gone on to another point meanwhile
    const pairs = points.flatMap((point) =>
      this.views.flatMap((view) => {
        const spot = this.spot(view, point, frame);
        if (this.marks.get(spot) !== null) return [];
        const offer = this.offer(view, point, frame, this.geometry.place(view.name, point, told));
        return offer ? [[spot, rounded(view, offer.place)]] : [];
      }),
    );
    this.change(pairs);
    if (pairs.length && points.includes(this.active) && !all) this.#advance(this.hovered);
  }

  change(pairs) {
    this.#send(this.marks.change(pairs));
  }

  undo() {
    this.#send(this.marks.undo());
  }

  redo() {
    this.#send(this.marks.redo());
  }

  /** Put what was found where two windows changed the same mark. */
  overrule(spot, mark) {
    this.marks.put(spot, mark);
    this.refresh();
  }

  /** Show the marks of a frame as the server has them, with those on their way to it on top. */
  load(frame, rows) {
    this.marks.load(frame, rows);
    for (const change of this.queue.of(this.setup.recording)) this.marks.put(change, change.after);
    this.refresh();
  }

  /** Ask the rig anew, and show everything. */
  refresh() {
    if (this.rigged.length && this.marks.has(this.frame)) {
      const points = Object.fromEntries(
        this.views
          .filter((view) => this.rigged.includes(view.name))
          .map((view) => [view.name, this.#places(view)]),
      );
      this.geometry.ask(this.setup.recording, points, this.active);
    }
    this.changed();
  }

  #places(view) {
    return Array.from({ length: this.count }, (_, point) => {
      const mark = this.mark(view, point);
      return Array.isArray(mark) ? mark : null;
    });
  }

  #send(changes) {
    this.queue.add(this.setup.recording, changes);
    this.refresh();
  }

  /** Go on to the next keypoint where this one is done, or after each click if so wished. */
  #advance(view) {
    const { length } = this.setup.keypoints;
    const open = (keypoint) => {
      const point = this.individual * length + keypoint;
      const views = this.after === "next" ? [view] : this.views;
      return views.some((one) => this.mark(one, point) === null);
    };
    if (open(this.keypoint)) return;
    for (let step = 1; step < length; step += 1) {
      const next = (this.keypoint + step) % length;
      if (open(next)) return this.choose(next);
    }
  }
}

function inside(view, [x, y]) {
  return x >= -0.5 && y >= -0.5 && x <= view.size[0] - 0.5 && y <= view.size[1] - 0.5;
}

/** Return a place to a hundredth of a pixel, in the picture. */
function rounded(view, place) {
  return place.map((value, axis) => {
    const kept = Math.min(Math.max(value, -0.5), view.size[axis] - 0.5);
    return Math.round(kept * 100) / 100;
  });
}
