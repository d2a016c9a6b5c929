// Mouse and finger on the planes: click and drag move the cross, the wheel turns slices.

import { clamp } from "../../shared/numbers.js";
import { closest, pinch, positionIn, wheelDelta, zoomByWheel } from "../../shared/pointer.js";

/**
 * @param {import("./volume.js").VolumeViewer} viewer
 * @param {import("./pane.js").PlanePane} pane
 * @param {import("../../shared/mounted.js").On} on
 */
export function listenToPlane(viewer, pane, on) {
  const { stage } = pane;
  /** @type {Map<number, import("../../shared/view.js").Point>} */
  const held = new Map(); // pointer id → last position
  /** @type {"cross" | "level" | "pan" | "pinch" | null} */
  let mode = null;
  let travel = 0;
  const position = (/** @type {MouseEvent} */ event) => positionIn(stage, event);
  on(stage, "contextmenu", (/** @type {MouseEvent} */ event) => event.preventDefault());
  on(stage, "pointerdown", (/** @type {PointerEvent} */ event) => {
    if (!viewer.volume || closest(event, "button")) return;
    stage.setPointerCapture(event.pointerId);
    held.set(event.pointerId, position(event));
    viewer.active = pane;
    if (held.size > 1) mode = "pinch";
    else if (event.button === 2) mode = "level";
    else if (event.button === 1 || event.shiftKey) mode = "pan";
    else mode = "cross";
    stage.focus({ preventScroll: true });
    if (mode === "cross") viewer.moveTo(pane.voxelAt(position(event)), event.timeStamp);
    if (event.button === 1) event.preventDefault();
  });
  on(stage, "pointermove", (/** @type {PointerEvent} */ event) => {
    if (!viewer.volume) return;
    const now = position(event);
    const before = held.get(event.pointerId);
    pane.readOut(now);
    if (!before) return;
    held.set(event.pointerId, now);
    const [dx, dy] = [now.x - before.x, now.y - before.y];
    if (mode === "cross") return viewer.moveTo(pane.voxelAt(now), event.timeStamp);
    if (mode === "level") return viewer.level(dx, dy);
    if (mode === "pan") pane.view.panBy(dx, dy);
    const other = [...held].find(([id]) => id !== event.pointerId)?.[1];
    if (mode === "pinch" && other) pinch(pane.view, before, now, other);
    viewer.changeView(pane);
  });
  const release = (/** @type {PointerEvent} */ event) => {
    held.delete(event.pointerId);
    if (held.size === 0) mode = null;
  };
  on(stage, "pointerup", release);
  on(stage, "pointercancel", release);
  on(stage, "pointerleave", () => viewer.volume && pane.readOut(null));
  on(stage, "dblclick", () => {
    pane.view.fit();
    viewer.changeView(pane);
  });
  on(stage, "wheel", (/** @type {WheelEvent} */ event) => {
    if (!viewer.volume) return;
    event.preventDefault();
    if (event.ctrlKey || event.shiftKey) {
      zoomByWheel(pane.view, event, position(event));
      return viewer.changeView(pane);
    }
    travel -= wheelDelta(event); // a touchpad's small deltas add up to one slice
    const notches = Math.trunc(travel / 40);
    travel -= notches * 40;
    if (notches) viewer.showSlice(pane, pane.slice + clamp(notches, -3, 3));
  });
}
