// Moving through time: everything shows the same moment, whoever asked for it.

let started = null; // the clock of playing: [milliseconds, moment]

function showMoment(moment) {
  state.moment = moment;
  byId("slider").value = moment;
  const bold = document.createElement("b");
  bold.textContent = `frame ${frames[moment * nViews]}`;
  byId("readout").replaceChildren(bold, ` · ${time[moment].toFixed(3)} s`, ...badges(moment));
  markEvents(moment);
  drawCursor();
  drawScene(moment);
}

function goTo(moment) {
  pause();
  showMoment(clamp(Math.round(moment), 0, nTimes - 1));
  views.forEach((view) => seek(view, state.moment));
}

function play() {
  if (state.moment >= nTimes - 1) showMoment(0);
  state.playing = true;
  byId("play").textContent = "❚❚";
  started = [performance.now(), state.moment];
  playVideos();
  const master = views.find((view) => view.video);
  const tick = (now) => {
    if (!state.playing) return;
    const clock = started[1] + ((now - started[0]) / 1000) * data.fps * state.rate;
    const moment = master ? momentOf(master, master.video.currentTime) : Math.floor(clock);
    if (moment >= nTimes - 1 || (master && master.video.ended)) { goTo(nTimes - 1); return; }
    if (moment > state.moment) { showMoment(moment); keepTogether(master, moment); }
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}

function pause() {
  if (!state.playing) return;
  state.playing = false;
  byId("play").textContent = "▶";
  pauseVideos();
  views.forEach((view) => seek(view, state.moment)); // all views on the same moment
}

const playOrPause = () => (state.playing ? pause() : play());

function setUpTransport() {
  const speeds = [0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4];
  fill(byId("speed"), speeds.map((speed) => (speed < 0.1 ? `1/${Math.round(1 / speed)}` : `${speed}`) + " ×"),
    Math.max(0, speeds.findLastIndex((speed) => speed <= 1 && speed * data.fps <= 60)));
  const setRate = () => {
    state.rate = speeds[byId("speed").selectedIndex];
    if (state.playing) { pause(); play(); }
  };
  byId("speed").onchange = setRate;
  setRate();
  byId("slider").max = nTimes - 1;
  byId("slider").oninput = () => goTo(Number(byId("slider").value));
  byId("play").onclick = playOrPause;
  document.addEventListener("keydown", onKey);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const tag = event.target.tagName;
  if (tag === "SELECT" || (tag === "BUTTON" && event.target.id !== "play" && event.key === " ")) return;
  const step = event.shiftKey ? 10 : 1;
  const actions = { ArrowLeft: () => goTo(state.moment - step), ArrowRight: () => goTo(state.moment + step),
    Home: () => goTo(0), End: () => goTo(nTimes - 1), " ": playOrPause };
  if (!actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
}
