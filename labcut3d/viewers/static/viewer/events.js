// The events: badges of what happens now, and a table whose rows lead to where an event begins.

const eventRows = [];

const happens = (event, moment) =>
  event.start <= time[moment] + 1e-9 && time[moment] - 1e-9 <= event.stop;

function badges(moment) {
  return data.events.filter((event) => happens(event, moment)).map((event) => {
    const badge = document.createElement("span");
    badge.className = "badge";
    badge.style.setProperty("--c", event.color);
    badge.textContent = event.name;
    return badge;
  });
}

function markEvents(moment) {
  eventRows.forEach((row, index) => row.classList.toggle("now", happens(data.events[index], moment)));
}

function setUpEvents() {
  if (!data.events.length) return;
  const body = byId("event-rows");
  data.events.forEach((event) => {
    const row = body.insertRow();
    const texts = [event.name, event.individual, event.start.toFixed(3), event.stop.toFixed(3),
      (event.stop - event.start).toFixed(3), event.confidence === null ? "–" : event.confidence.toFixed(2)];
    texts.forEach((text) => { row.insertCell().textContent = text; });
    row.cells[0].style.setProperty("--c", event.color);
    row.tabIndex = 0;
    row.onclick = () => goTo(nearest(event.start));
    row.onkeydown = (key) => { if (key.key === "Enter") goTo(nearest(event.start)); };
    eventRows.push(row);
  });
}
