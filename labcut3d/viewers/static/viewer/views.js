// The views: a canvas each, on which the picture of the moment and its marks are drawn; zoom and pan.

const views = [];

function setUpViews() {
  byId("views").classList.toggle("one", nViews === 1);
  data.views.forEach((described, index) => {
    const box = document.createElement("div");
    box.className = "view";
    const canvas = document.createElement("canvas");
    canvas.style.aspectRatio = described.size.join(" / ");
    const label = document.createElement("span");
    label.textContent = described.name;
    const badge = document.createElement("span");
    badge.className = "exchanged";
    badge.textContent = "left/right repaired";
    badge.hidden = true;
    box.append(canvas, label, badge);
    byId("views").append(box);
    const view = { index, size: described.size, canvas, badge, video: null, shown: 0, wanted: null,
      zoom: 1, left: 0, top: 0 };
    views.push(view);
    if (described.video || described.link) setUpVideo(view, described, box);
    setUpZoom(view);
  });
  byId("overlay").onchange = drawViews;
  new ResizeObserver(drawViews).observe(byId("views"));
}

const drawViews = () => views.forEach(drawView);

function drawView(view) {
  const canvas = view.canvas, ratio = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * ratio);
  if (!width) return;
  const height = Math.round(width * view.size[1] / view.size[0]);
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const context = canvas.getContext("2d", { alpha: false }), scale = (width / view.size[0]) * view.zoom;
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, width, height);
  context.setTransform(scale, 0, 0, scale, -view.left * scale, -view.top * scale);
  if (view.video && view.video.readyState >= 2) context.drawImage(view.video, 0, 0, ...view.size);
  view.badge.hidden = !isExchanged(view);
  if (byId("overlay").checked) drawOverlay(context, view, ratio / scale);
}

function setUpZoom(view) {
  const canvas = view.canvas;
  const toImage = () => view.size[0] / (canvas.clientWidth * view.zoom); // image px a css px
  const keepInside = () => {
    view.left = clamp(view.left, 0, view.size[0] * (1 - 1 / view.zoom));
    view.top = clamp(view.top, 0, view.size[1] * (1 - 1 / view.zoom));
    drawView(view);
  };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const before = toImage();
    view.zoom = clamp(view.zoom * Math.exp(-event.deltaY * 0.002), 1, 20);
    view.left += event.offsetX * (before - toImage());
    view.top += event.offsetY * (before - toImage());
    keepInside();
  }, { passive: false });
  canvas.addEventListener("pointermove", (event) => {
    if (!(event.buttons & 1)) return;
    view.left -= event.movementX * toImage();
    view.top -= event.movementY * toImage();
    keepInside();
  });
  canvas.addEventListener("dblclick", () => { view.zoom = 1; keepInside(); });
}
