// Which moments to go through, and where one is among them.

export class Moments {
  constructor(setup) {
    this.all = setup.moments;
    this.frames = setup.frames;
    this.labelled = setup.labelled; // frame -> number of marks
    this.kind = "spread";
    if (this.#of("suggested").length) this.kind = "suggested";
    else if (Object.keys(this.labelled).length >= 20) this.kind = "labelled";
  }

  counts() {
    return Object.fromEntries(["suggested", "spread", "labelled"].map((kind) => [kind, this.#of(kind).length]));
  }

  list() {
    return this.#of(this.kind);
  }

  /** Return the frame `step` moments away; from a frame between moments, the next one that way. */
  away(frame, step) {
    const list = this.list();
    const here = list.findIndex((moment) => moment.frame === frame);
    if (here >= 0) return list[here + step]?.frame ?? null;
    const beyond = list.map((moment) => moment.frame).filter((other) => (other - frame) * step > 0);
    if (!beyond.length) return null;
    return step > 0 ? Math.min(...beyond) : Math.max(...beyond);
  }

  /** Return what to write about a frame: its place in the list, and why it is there. */
  told(frame) {
    const list = this.list();
    const here = list.findIndex((moment) => moment.frame === frame);
    const place = here >= 0 ? `${here + 1} of ${list.length}` : "another frame";
    return { place, reason: here >= 0 ? list[here].reason : "" };
  }

  #of(kind) {
    if (kind !== "labelled") return this.all.filter((moment) => moment.kind === kind);
    return Object.keys(this.labelled).map((frame) => ({ frame: Number(frame), kind, reason: "" }));
  }
}
