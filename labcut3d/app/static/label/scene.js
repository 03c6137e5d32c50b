// What is to be drawn in one view.

export function sceneOf(editor, view) {
  const { keypoints, bones } = editor.setup;
  const colorOf = (point) => keypoints[point % keypoints.length].color;
  const points = Array.from({ length: editor.count }, (_, point) => {
    const mark = editor.mark(view, point);
    return {
      mark,
      offer: mark === null ? editor.offer(view, point) : null,
      off: editor.geometry.contradiction(view.name, point),
      color: colorOf(point),
      name: keypoints[point % keypoints.length].name,
      active: point === editor.active,
      faint: Math.floor(point / keypoints.length) !== editor.individual,
    };
  });
  const joined = editor.individuals.flatMap((_, individual) =>
    bones
      .map((pair) => pair.map((keypoint) => points[individual * keypoints.length + keypoint].mark))
      .filter((pair) => pair.every(Array.isArray)),
  );
  const active = points[editor.active];
  return { points, bones: joined, curve: active.mark === null ? editor.geometry.curves[view.name] : null, active };
}

/** Return a sentence on what to do next, in parts: [text, is it strong?]. */
export function hintOf(editor, why) {
  const { name } = editor.setup.keypoints[editor.keypoint];
  const states = editor.views.map((view) => editor.state(view, editor.active));
  const bare = editor.views.filter((view, v) => states[v] === "none");
  const placed = states.filter((state) => state === "point" || state === "bad").length;
  const offered = bare.filter((view) => editor.offer(view, editor.active)).map((view) => view.name);
  const wrong = editor.views.filter((view, v) => states[v] === "bad");
  if (wrong.length) {
    const off = wrong.map((view) => `${editor.geometry.contradiction(view.name, editor.active).toFixed(1)} px in ${view.name}`);
    return [[name, true], [` does not fit the other views: ${off.join(", ")}. Drag it, or one of the others.`]];
  }
  if (!bare.length) return [[name, true], [" is done in all views."]];
  if (offered.length) return [["Enter", true], [" accepts "], [name, true], [` in ${offered.join(", ")}.`]];
  if (placed === 1 && editor.rigged.length > 1) return [["Click "], [name, true], [" in a second view: it lies on the line there."]];
  if (why && !placed) return [["Click "], [name, true], [`, or press H where it is hidden. ${why}`]];
  return [["Click "], [name, true], [", or press H where it is hidden."]];
}
