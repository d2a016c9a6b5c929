// Pan, zoom and pinch on one pane move all of them.

import { pinch, positionIn, zoomByWheel } from "../../shared/pointer.js";

/** @import { Point } from "../../shared/view.js" */

/**
 * Listens to one side for all.
 * @param {import("./compare.js").Comparison} comparison
 * @param {import("./side.js").Side} side
 */
export function listenToSide(comparison, side) {
  const { view, on } = comparison;
  const { stage } = side;
  /** @type {Map<number, Point>} */
  const held = new Map(); // pointer id → last position
  const position = (/** @type {MouseEvent} */ event) => positionIn(stage, event);
  on(stage, "pointerdown", (event) => {
    if (event.button > 1) return;
    held.set(event.pointerId, position(event));
    stage.setPointerCapture(event.pointerId);
    stage.classList.add("held");
  });
  on(stage, "pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const now = position(event);
    const others = [...held].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    if (others.length === 0) view.panBy(now.x - before.x, now.y - before.y);
    else if (others.length === 1) pinch(view, before, now, others[0]);
    held.set(event.pointerId, now);
    comparison.redraw();
  });
  const release = (/** @type {PointerEvent} */ event) => {
    held.delete(event.pointerId);
    if (!held.size) stage.classList.remove("held");
  };
  on(stage, "pointerup", release);
  on(stage, "pointercancel", release);
  on(stage, "dblclick", (event) => {
    const at = position(event);
    if (view.fitted) view.zoomAt(2, at.x, at.y);
    else view.fit();
    comparison.redraw();
  });
  on(stage, "wheel", (event) => {
    event.preventDefault();
    zoomByWheel(view, event, position(event));
    comparison.redraw();
  });
}
