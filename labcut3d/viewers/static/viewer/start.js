// Puts the viewer together, and takes it to the frame that the page's address asks for.

function momentOfAddress() {
  const match = /[#&]frame=(-?\d+)/.exec(window.location.hash);
  if (!match) return null;
  let best = 0; // the frame nearest to the one asked for, in the first view
  for (let i = 1; i < nTimes; i++) {
    if (Math.abs(frames[i * nViews] - match[1]) < Math.abs(frames[best * nViews] - match[1])) best = i;
  }
  return best;
}

async function start() {
  setUpViews();
  setUpTransport();
  setUpEvents();
  await setUpScene();
  await setUpSeries();
  goTo(momentOfAddress() ?? 0);
  window.addEventListener("hashchange", () => { const m = momentOfAddress(); if (m !== null) goTo(m); });
  themeListeners.push(async () => {
    if (position) await plotScene();
    await drawSeries();
    drawScene(state.moment);
  });
  document.body.dataset.ready = "true";
}

start();
