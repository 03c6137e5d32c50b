// Changes on their way to the disk. Each is written to this browser's storage before it is sent,
// and leaves it when the server has said that it is on disk: no click is lost when the server
// restarts or the page is reloaded. A tab takes over what closed tabs left.

const PREFIX = "labcut3d.unsent";
const MOST = 500; // changes sent at once
const PATIENCE = [250, 500, 1000, 2000]; // ms until it is tried again

export class Queue {
  /** `heard` has saved(answer, recording), conflict(conflict, change, recording), refused(message, recording, changes), state(). */
  constructor(project, heard) {
    this.heard = heard;
    this.family = `${PREFIX}|${project}|`;
    this.key = `${this.family}${crypto.getRandomValues(new Uint32Array(2)).join("-")}`;
    this.waiting = []; // {recording, change}
    this.trouble = "";
    this.failures = 0;
    this.sending = false;
    // While this tab lives it holds a lock of that name, by which others see that it does.
    navigator.locks?.request(this.key, () => new Promise(() => {}));
    addEventListener("online", () => this.send());
  }

  /** Take over what closed tabs could not send. */
  async adopt() {
    const held = (await navigator.locks?.query())?.held?.map((lock) => lock.name) ?? [];
    const left = Object.keys(localStorage).filter(
      (key) => key.startsWith(this.family) && key !== this.key && !held.includes(key),
    );
    for (const key of left) {
      this.waiting.push(...JSON.parse(localStorage.getItem(key) ?? "[]"));
      this.#keep();
      localStorage.removeItem(key);
    }
    this.send();
  }

  get count() {
    return this.waiting.length;
  }

  /** Return the changes of a recording that are not on disk yet. */
  of(recording) {
    return this.waiting.filter((one) => one.recording === recording).map((one) => one.change);
  }

  add(recording, changes) {
    if (!changes.length) return;
    this.waiting.push(...changes.map((change) => ({ recording, change })));
    this.#keep();
    this.heard.state();
    this.send();
  }

  async send(most = MOST) {
    if (this.sending || !this.waiting.length) return;
    this.sending = true;
    clearTimeout(this.timer);
    const { recording } = this.waiting[0];
    const other = this.waiting.findIndex((one) => one.recording !== recording);
    const batch = this.waiting.slice(0, Math.min(most, other < 0 ? most : other));
    const changes = batch.map((one) => one.change);
    const outcome = await post("/label/changes", { recording, changes });
    this.sending = false;
    if (outcome.answer) this.#arrived(batch, outcome.answer);
    else if (outcome.wrong && batch.length > 1) return this.send(1); // find the one that is wrong
    else if (outcome.wrong) this.#drop(batch, outcome.why);
    else return this.#wait(outcome.why);
    this.send();
  }

  #arrived(batch, answer) {
    this.#remove(batch.length);
    const changes = batch.map((one) => one.change);
    this.heard.saved(answer, batch[0].recording);
    for (const conflict of answer.conflicts) {
      const mine = changes.findLast((c) => isOf(c, conflict));
      this.heard.conflict(conflict, mine, batch[0].recording);
    }
  }

  #drop(batch, why) {
    this.#remove(batch.length);
    this.heard.refused(why, batch[0].recording, batch.map((one) => one.change));
  }

  #remove(count) {
    this.waiting.splice(0, count);
    this.failures = 0;
    this.trouble = "";
    this.#keep();
    this.heard.state();
  }

  #wait(why) {
    this.trouble = why;
    this.heard.state();
    const pause = PATIENCE[Math.min(this.failures, PATIENCE.length - 1)];
    this.failures += 1;
    this.timer = setTimeout(() => this.send(), pause);
  }

  #keep() {
    if (this.waiting.length) localStorage.setItem(this.key, JSON.stringify(this.waiting));
    else localStorage.removeItem(this.key);
  }
}

const isOf = (change, spot) =>
  ["frame", "view", "individual", "keypoint"].every((name) => change[name] === spot[name]);

/** Send and tell apart: an answer, something wrong with what was sent, or a server out of reach. */
async function post(path, value) {
  let response;
  try {
    response = await fetch(path, {
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/json" },
      body: JSON.stringify(value),
      keepalive: JSON.stringify(value).length < 60000, // goes on when the page is left
    });
  } catch {
    return { why: "labcut3d does not answer. Start it again in the terminal" };
  }
  if (response.ok) return { answer: await response.json() };
  const told = await response.json().catch(() => ({}));
  if (response.status === 401)
    return { why: "labcut3d was started again. Open its new address from the terminal in a second tab" };
  return { wrong: response.status === 422, why: told.error ?? `the server answered ${response.status}` };
}
