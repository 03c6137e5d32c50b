// Uncertainty: each point's ellipsoid, the unit ball stretched by `spread` and the chosen magnification.

const ellipsoidsShown = () => Boolean(spread) && byId("uncertainty").selectedIndex > 0;
const magnifications = [0, 1, 3, 10];

function ellipsoids(moment, individual) {
  const corners = data.ball, reach = data.ballRadius * magnifications[byId("uncertainty").selectedIndex];
  const columns = [0, 1, 2].map(() => new Float32Array(nKeypoints * corners.length));
  for (let k = 0; k < nKeypoints; k++) {
    const place = placeOf(moment, individual, k), stretch = 3 * place;
    if (!Number.isFinite(position.values[place] + spread.values[stretch])) { // out of sight, of no size
      columns.forEach((column, axis) => column.fill(middleOf(homeRanges)[axis], k * corners.length, (k + 1) * corners.length));
      continue;
    }
    for (let c = 0; c < corners.length; c++) {
      for (let axis = 0; axis < 3; axis++) {
        const row = stretch + 3 * axis, [u, v, w] = corners[c];
        columns[axis][k * corners.length + c] = position.values[place + axis] + reach
          * (spread.values[row] * u + spread.values[row + 1] * v + spread.values[row + 2] * w);
      }
    }
  }
  return columns;
}

function setUpEllipsoids() {
  byId("uncertainty").parentElement.hidden = !spread;
  const level = `${Math.round(100 * data.ballLevel)} %`;
  fill(byId("uncertainty"), magnifications.map((m) => (m ? `${level}${m > 1 ? `, drawn ${m} × as large` : ""}` : "none")), 0);
  byId("uncertainty").onchange = async () => {
    await Plotly.restyle(scene, { visible: ellipsoidsShown() }, traceOf.uncertainty);
    drawScene(state.moment);
  };
}
