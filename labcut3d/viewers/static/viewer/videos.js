// The pictures of the views: frame k of a clip inside the page is moment k; of a video beside the page
// it is the frame of that number. One seek at a time, the newest wish wins.

function setUpVideo(view, described, box) {
  const video = document.createElement("video");
  video.muted = video.playsInline = true;
  video.preload = "auto";
  view.fps = described.video ? data.clipFps : described.fps;
  view.linked = !described.video;
  if (described.video) {
    const bytes = Uint8Array.from(atob(described.video), (c) => c.charCodeAt(0));
    video.src = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
  } else {
    video.src = described.link;
    video.addEventListener("error", () => { view.video = null; drawView(view); });
  }
  view.video = video;
  box.append(video);
  video.addEventListener("seeked", () => {
    if (view.wanted !== null) seek(view, view.wanted);
    else if (!state.playing) { view.shown = momentOf(view, video.currentTime); drawView(view); }
  });
  video.addEventListener("loadeddata", () => seek(view, state.moment));
  if (!video.requestVideoFrameCallback) return;
  const onFrame = (_, frame) => {
    // Half a frame on: the time of a frame is where it begins, give or take rounding.
    view.shown = momentOf(view, frame.mediaTime + 0.5 / view.fps);
    drawView(view);
    video.requestVideoFrameCallback(onFrame);
  };
  video.requestVideoFrameCallback(onFrame);
}

// The moment that a view's video shows at a time of its own.
function momentOf(view, seconds) {
  const frame = Math.floor(seconds * view.fps + 1e-3);
  if (!view.linked) return clamp(frame, 0, nTimes - 1);
  let low = 0, high = nTimes - 1; // the last moment whose frame is not later
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (frames[middle * nViews + view.index] <= frame) low = middle; else high = middle - 1;
  }
  return low;
}

// The time, in a view's video, of the middle of the frame of a moment: safe from rounding.
function videoTime(view, moment) {
  const frame = view.linked ? frames[moment * nViews + view.index] : moment;
  return (frame + 0.5) / view.fps;
}

function seek(view, moment) {
  if (!view.video) { view.shown = moment; drawView(view); return; }
  if (view.video.seeking) { view.wanted = moment; return; }
  view.wanted = null;
  view.video.currentTime = videoTime(view, moment);
}

function playVideos() {
  for (const view of views) {
    if (!view.video) continue;
    view.wanted = null;
    view.video.currentTime = videoTime(view, state.moment);
    // Clips have one frame a moment; videos beside the page run by their own clock.
    const own = view.linked ? 1 : data.fps / data.clipFps;
    view.video.playbackRate = clamp(state.rate * own, 0.0625, 16);
    view.video.play().catch(() => pause()); // refused by the browser: stay where we are
  }
}

function pauseVideos() {
  for (const view of views) if (view.video) view.video.pause();
}

// Views fall behind one another while they play: those more than three frames off `master` jump to it.
function keepTogether(master, moment) {
  for (const view of views) {
    if (!view.video) { view.shown = moment; drawView(view); continue; }
    const late = Math.abs(view.video.currentTime - videoTime(view, moment)) * view.fps;
    if (view !== master && late > 3 && !view.video.seeking) view.video.currentTime = videoTime(view, moment);
    if (!view.video.requestVideoFrameCallback) { view.shown = momentOf(view, view.video.currentTime); drawView(view); }
  }
}
