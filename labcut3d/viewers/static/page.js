// Draws every figure of a page into the element of its name.
"use strict";
const pageData = JSON.parse(document.getElementById("data").textContent);
const plotOptions = { responsive: true, displaylogo: false, scrollZoom: false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
for (const [name, figure] of Object.entries(pageData.figures)) {
  const element = document.getElementById(name);
  if (element) Plotly.newPlot(element, figure.data, figure.layout, plotOptions);
}
