// One view: its picture, how it is zoomed, and what the mouse does in it.
//
// Picture coordinates are those of the labels: the integer coordinate of a pixel is its centre.

const NEAR = 9; // screen px within which a mark is meant
const STILL = 4; // screen px that a click may move
const CLOSEST = 60; // screen px a picture px

export class Viewport {
  /** `acts` has near(view, x, y, reach), press, drag, drop, clear, hover; `paint` draws the marks. */
  constructor(stage, view, acts, paint) {
    this.view = view;
    this.acts = acts;
    this.paint = paint;
    this.stage = stage;
    this.picture = addCanvas(stage, "picture");
    this.marks = addCanvas(stage, "marks");
    this.fault = stage.appendChild(document.createElement("div"));
    this.fault.className = "fault";
    this.scale = 1;
    this.offset = [0, 0];
    this.fitted = true;
    this.bitmap = null;
    new ResizeObserver(() => this.#resize()).observe(stage);
    this.#listen();
  }

  show(bitmap, fault = "") {
    this.bitmap = bitmap;
    this.fault.textContent = fault;
    this.draw();
  }

  /** See the whole picture. */
  fit() {
    const { clientWidth: w, clientHeight: h } = this.stage;
    const [width, height] = this.view.size;
    this.scale = Math.min(w / width, h / height) || 1;
    this.offset = [(w - width * this.scale) / 2, (h - height * this.scale) / 2];
    this.fitted = true;
    this.draw();
  }

  toScreen([x, y]) {
    return [(x + 0.5) * this.scale + this.offset[0], (y + 0.5) * this.scale + this.offset[1]];
  }

  toPicture([x, y]) {
    return [(x - this.offset[0]) / this.scale - 0.5, (y - this.offset[1]) / this.scale - 0.5];
  }

  draw() {
    const context = this.picture.getContext("2d", { alpha: false });
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#16191d";
    context.fillRect(0, 0, this.picture.width, this.picture.height);
    if (this.bitmap) {
      const r = devicePixelRatio;
      context.imageSmoothingEnabled = this.scale * r < 4; // close up, pixels are seen as such
      context.setTransform(this.scale * r, 0, 0, this.scale * r, this.offset[0] * r, this.offset[1] * r);
      context.drawImage(this.bitmap, 0, 0);
    }
    this.drawMarks();
  }

  drawMarks() {
    const context = this.marks.getContext("2d");
    const r = devicePixelRatio;
    context.setTransform(r, 0, 0, r, 0, 0);
    context.clearRect(0, 0, this.marks.width, this.marks.height);
    this.paint(context, this);
  }

  #resize() {
    for (const canvas of [this.picture, this.marks]) {
      canvas.width = Math.round(this.stage.clientWidth * devicePixelRatio);
      canvas.height = Math.round(this.stage.clientHeight * devicePixelRatio);
    }
    if (this.fitted) this.fit();
    else this.draw();
  }

  #zoom(at, factor) {
    const before = this.toPicture(at);
    const whole = Math.min(this.stage.clientWidth / this.view.size[0], this.stage.clientHeight / this.view.size[1]);
    this.scale = Math.min(Math.max(this.scale * factor, whole / 2), CLOSEST);
    const after = this.toScreen(before);
    this.offset = [this.offset[0] + at[0] - after[0], this.offset[1] + at[1] - after[1]];
    this.fitted = false;
    this.draw();
  }

  #listen() {
    const canvas = this.marks;
    const at = (event) => {
      const box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    const near = (point) => this.acts.near(this.view, this.toPicture(point), NEAR / this.scale);
    let held = null; // {start, last, mark, moved}
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      const step = event.deltaMode === 1 ? 30 : 1;
      this.#zoom(at(event), Math.exp(-event.deltaY * step * 0.0018));
    }, { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    canvas.addEventListener("pointerdown", (event) => {
      const start = at(event);
      if (event.button === 2) this.acts.clear(this.view, near(start));
      if (event.button > 1) return;
      canvas.setPointerCapture(event.pointerId);
      held = { start, last: start, mark: event.button === 0 ? near(start) : null, moved: event.button === 1 };
    });
    canvas.addEventListener("pointermove", (event) => {
      const now = at(event);
      if (!held) {
        canvas.classList.toggle("grab", near(now) !== null);
        return;
      }
      held.moved ||= Math.hypot(now[0] - held.start[0], now[1] - held.start[1]) > STILL;
      if (held.moved && held.mark !== null) this.acts.drag(this.view, held.mark, this.toPicture(now));
      else if (held.moved) this.#pan(now, held.last);
      canvas.classList.toggle("pan", held.moved);
      held.last = now;
    });
    const release = (event) => {
      if (!held) return;
      const { start, mark, moved } = held;
      held = null;
      canvas.classList.remove("pan");
      if (event.type === "pointercancel") return;
      if (moved && mark !== null) this.acts.drop(this.view, mark, this.toPicture(at(event)));
      else if (!moved) this.acts.press(this.view, mark, this.toPicture(start));
    };
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerenter", () => this.acts.hover(this.view));
  }

  #pan(now, last) {
    this.offset = [this.offset[0] + now[0] - last[0], this.offset[1] + now[1] - last[1]];
    this.fitted = false;
    this.draw();
  }
}

function addCanvas(stage, name) {
  const canvas = stage.appendChild(document.createElement("canvas"));
  canvas.className = name;
  return canvas;
}
