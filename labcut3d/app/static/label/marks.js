// The marks of one recording as this tab sees them, and how they came about: undo and redo.
//
// A mark is [x, y] in px, "hidden", or null where nothing was said yet. A spot says what it is of:
// {frame, view, individual, keypoint}.

export const same = (a, b) =>
  a === b || (Array.isArray(a) && Array.isArray(b) && Math.hypot(a[0] - b[0], a[1] - b[1]) < 1e-6);

const keyOf = (spot) => JSON.stringify([spot.view, spot.individual, spot.keypoint]);

export class Marks {
  constructor() {
    this.frames = new Map(); // frame -> Map of key -> mark
    this.done = [];
    this.undone = [];
  }

  /** Take over what the server says of a frame. */
  load(frame, rows) {
    this.frames.set(
      frame,
      new Map(rows.map(([view, individual, keypoint, mark]) => [JSON.stringify([view, individual, keypoint]), mark])),
    );
  }

  has(frame) {
    return this.frames.has(frame);
  }

  get(spot) {
    return this.frames.get(spot.frame)?.get(keyOf(spot)) ?? null;
  }

  /** Put a mark without remembering it, as when another tab or the server did it. */
  put(spot, mark) {
    const marks = this.frames.get(spot.frame);
    if (!marks) return;
    if (mark === null) marks.delete(keyOf(spot));
    else marks.set(keyOf(spot), mark);
  }

  /** Change marks [[spot, mark], ...] as one step; return the changes to be sent. */
  change(pairs) {
    const step = pairs
      .map(([spot, after]) => ({ ...spot, before: this.get(spot), after }))
      .filter((change) => !same(change.before, change.after));
    if (step.length) {
      this.done.push(step);
      this.undone = [];
      this.#apply(step);
    }
    return step;
  }

  /** Take the last step back, or make it again; return the changes to be sent. */
  undo() {
    return this.#move(this.done, this.undone);
  }

  redo() {
    return this.#move(this.undone, this.done);
  }

  get nextUndo() {
    return this.done.at(-1)?.[0].frame;
  }

  get nextRedo() {
    return this.undone.at(-1)?.[0].frame;
  }

  #move(from, to) {
    const step = from.pop();
    if (!step) return [];
    const back = step
      .toReversed()
      .map((change) => ({ ...change, before: this.get(change), after: change.before }));
    to.push(back);
    this.#apply(back);
    return back;
  }

  #apply(step) {
    for (const change of step) this.put(change, change.after);
  }
}
