// The hand on the image: pan, zoom, pinch, window, tools, wipe and the read-out under the pointer.

import { closest, pinch, positionIn, wheelDelta, zoomByWheel } from "../../shared/pointer.js";
import { readOut } from "./panel.js";

/** @import { On } from "../../shared/mounted.js" */
/** @import { Point } from "../../shared/view.js" */
/** @import { Viewer } from "./viewer.js" */

const CLICK_PIXELS = 4;
/** @type {Record<string, number>} */
const WIPE_STEPS = { ArrowLeft: -0.02, ArrowDown: -0.02, ArrowRight: 0.02, ArrowUp: 0.02 };
/** @type {Record<string, number>} */
const WIPE_ENDS = { Home: 0, End: 1 };

/**
 * @param {Viewer} viewer
 * @param {On} on
 */
export function listenToPicture(viewer, on) {
  const stage = viewer.part("stage");
  /** @type {Map<number, Point>} */
  const held = new Map(); // pointer id → last position in its pane
  const position = (/** @type {MouseEvent} */ event) => {
    return positionIn(viewer.paneOf(event), event);
  };

  /** @type {number | null} */
  let drawing = null; // the pointer that holds a tool
  /** @type {number | null} */
  let levelling = null; // the one that drags window and level
  let travel = 0; // a press that hardly moves is a click
  const inImage = (/** @type {Point} */ at) => viewer.view.toImage(at.x, at.y);

  on(stage, "contextmenu", (event) => {
    if (viewer.scene?.raw) event.preventDefault();
  });
  on(stage, "pointerdown", (event) => {
    if (!viewer.scene || closest(event, "button, .keys, .wipe")) return;
    if (event.button === 2 && viewer.scene.raw) levelling = event.pointerId;
    else if (event.button > 1) return;
    const now = position(event);
    held.set(event.pointerId, now);
    stage.setPointerCapture(event.pointerId);
    travel = 0;
    if (held.size > 1) {
      viewer.pen.cancel(); // a second finger: it was meant as a pinch
      drawing = null;
    } else if (event.button === 0 && viewer.look.tool) {
      drawing = event.pointerId;
      stage.focus({ preventScroll: true });
      viewer.pen.down(inImage(now));
    }
    if (drawing === null) stage.classList.add("held");
    if (event.button === 1) event.preventDefault();
  });
  on(stage, "pointermove", (event) => {
    const before = held.get(event.pointerId);
    const now = position(event);
    if (viewer.scene && viewer.look.tool && held.size < 2) {
      viewer.pen.move(inImage(now), event.pointerId === drawing);
    }
    if (!before) {
      hoverComponent(viewer, inImage(now));
      return readOut(viewer, now);
    }
    travel += Math.hypot(now.x - before.x, now.y - before.y);
    const others = [...held].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    if (event.pointerId === drawing) {
      held.set(event.pointerId, now);
      return readOut(viewer, now);
    }
    if (event.pointerId === levelling) {
      viewer.window.drag(now.x - before.x, now.y - before.y);
    } else if (others.length === 0) {
      viewer.view.panBy(now.x - before.x, now.y - before.y);
    } else if (others.length === 1) {
      pinch(viewer.view, before, now, others[0]);
    }
    held.set(event.pointerId, now);
    viewer.changeView();
    readOut(viewer, now);
  });
  const release = (/** @type {PointerEvent} */ event) => {
    if (!held.delete(event.pointerId)) return;
    if (event.pointerId === drawing) {
      drawing = null;
      viewer.pen.up();
    } else if (travel < CLICK_PIXELS && event.type === "pointerup" && event.button === 0) {
      pickComponent(viewer, inImage(position(event)));
    }
    if (event.pointerId === levelling) levelling = null;
    if (held.size === 0) stage.classList.remove("held");
  };
  on(stage, "pointerup", release);
  on(stage, "pointercancel", release);
  on(stage, "pointerleave", () => {
    readOut(viewer, null);
    viewer.list.hover(null);
    if (!viewer.pen.drawing) viewer.pen.at = null;
    viewer.changeNotes();
  });
  on(stage, "dblclick", (event) => {
    if (closest(event, "button, .keys, .wipe")) return;
    if (viewer.look.tool) return;
    const at = position(event);
    if (viewer.view.fitted) viewer.view.zoomAt(2, at.x, at.y);
    else viewer.view.fit();
    viewer.changeView();
  });
  on(stage, "wheel", (event) => {
    if (closest(event, ".keys")) return;
    event.preventDefault();
    const at = position(event);
    if (viewer.look.tool && event.shiftKey) return viewer.pen.grow(-Math.sign(wheelDelta(event)));
    zoomByWheel(viewer.view, event, at);
    viewer.changeView();
    readOut(viewer, at);
  });
  listenToWipe(viewer, on);
}

/**
 * @param {Viewer} viewer
 * @param {Point} point
 */
function hoverComponent(viewer, { x, y }) {
  const { list, look } = viewer;
  if (!look.components || !list.found || list.old) return;
  list.hover(list.found.at(Math.floor(x), Math.floor(y)) ?? null);
}

/**
 * A click on a component selects its row.
 * @param {Viewer} viewer
 * @param {Point} point
 */
function pickComponent(viewer, { x, y }) {
  const { list, look } = viewer;
  if (!look.components || look.tool) return;
  if (list.old) list.measure();
  list.select(list.found?.at(Math.floor(x), Math.floor(y)), { scroll: true });
}

/**
 * @param {Viewer} viewer
 * @param {On} on
 */
function listenToWipe(viewer, on) {
  const handle = viewer.part("wipe");
  on(handle, "pointerdown", (event) => {
    if (event.button !== 0) return;
    handle.setPointerCapture(event.pointerId);
    event.stopPropagation();
  });
  on(handle, "pointermove", (event) => {
    if (!handle.hasPointerCapture(event.pointerId)) return;
    const box = /** @type {HTMLElement} */ (handle.parentElement).getBoundingClientRect();
    viewer.setWipe((event.clientX - box.left) / box.width);
    event.stopPropagation();
  });
  on(handle, "keydown", (event) => {
    const step = WIPE_STEPS[event.key];
    const end = WIPE_ENDS[event.key];
    if (step === undefined && end === undefined) return;
    viewer.setWipe(end ?? viewer.look.wipeAt + step * (event.shiftKey ? 5 : 1));
    event.preventDefault();
  });
}
