// Draws every figure of a page into the element of its name, and again when light and dark change.
const plotOptions = { responsive: true, displaylogo: false, scrollZoom: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };

async function drawFigures() {
  for (const [name, figure] of Object.entries(pageData.figures)) {
    const element = document.getElementById(name);
    if (!element) continue;
    const seen = element._fullLayout && element._fullLayout.scene && element._fullLayout.scene._scene;
    const layout = recolour(figure.layout);
    if (seen) layout.scene.camera = seen.getCamera(); // the reader may have turned it
    await Plotly.react(element, recolour(figure.data), layout, plotOptions);
  }
  document.body.dataset.ready = "true";
}

themeListeners.push(drawFigures);
drawFigures();
