// Pictures of moments, fetched once and ahead of time.

const MOST = 40; // moments of all views that are kept decoded

export class Pictures {
  constructor() {
    this.found = new Map(); // address -> {promise, abort}
  }

  /** Return the picture of a view as an ImageBitmap; rejects with the server's sentence. */
  get(address) {
    const known = this.found.get(address);
    if (known) {
      this.found.delete(address); // to the end: asked for last
      this.found.set(address, known);
      return known.promise;
    }
    const abort = new AbortController();
    const entry = { abort, done: false, promise: fetchPicture(address, abort.signal) };
    entry.promise.then(() => (entry.done = true)).catch(() => this.found.delete(address));
    this.found.set(address, entry);
    return entry.promise;
  }

  /** Fetch ahead, one moment after the other, and give up what nobody waits for any more. */
  async ahead(moments, wanted) {
    const turn = (this.turn = {});
    const needed = new Set([...wanted, ...moments.flat()]);
    for (const [address, entry] of this.found) if (!entry.done && !needed.has(address)) entry.abort.abort();
    for (const addresses of [wanted, ...moments]) {
      await Promise.allSettled(addresses.map((address) => this.get(address)));
      if (this.turn !== turn) return;
    }
    while (this.found.size > MOST * Math.max(wanted.length, 1)) {
      const [address, entry] = this.found.entries().next().value;
      this.found.delete(address);
      entry.promise.then((bitmap) => bitmap.close()).catch(() => {});
    }
  }
}

async function fetchPicture(address, signal) {
  const response = await fetch(address, { signal });
  if (!response.ok) {
    const told = await response.json().catch(() => ({}));
    throw new Error(told.error ?? `The server answered ${response.status}.`);
  }
  return createImageBitmap(await response.blob());
}
