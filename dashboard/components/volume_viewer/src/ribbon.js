// The slice slider of a plane: a ribbon of the predicted area of every slice at the threshold.

import { WHOLE, clamp } from "../../shared/numbers.js";

/**
 * @param {import("./pane.js").PlanePane} pane
 * @param {string} color
 */
export function paintRibbon(pane, color) {
  const { plane, viewer } = pane;
  const canvas = pane.part("ribbon-canvas");
  const density = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * density);
  const height = Math.round(canvas.clientHeight * density);
  if (!width || !height) return;
  Object.assign(canvas, { width, height });
  let most = 1;
  for (let n = 0; n < plane.whole; n++) most = Math.max(most, plane.sizeOf(n, viewer.threshold));
  const context = canvas.getContext("2d");
  context.fillStyle = color;
  for (let n = 0; n < plane.whole; n++) {
    const left = Math.floor((n / plane.whole) * width);
    const right = Math.max(left + 1, Math.floor(((n + 1) / plane.whole) * width));
    const tall = (plane.sizeOf(n, viewer.threshold) / most) * height;
    context.fillRect(left, height - tall, right - left, tall);
  }
}

/** @param {import("./pane.js").PlanePane} pane */
export function describeRibbon(pane) {
  const { plane, viewer } = pane;
  const slice = pane.wholeSlice;
  const ribbon = pane.part("ribbon");
  ribbon.style.setProperty("--at", (slice + 0.5) / plane.whole);
  ribbon.setAttribute("aria-label", `${pane.title} slice`);
  ribbon.setAttribute("aria-valuemin", 1);
  ribbon.setAttribute("aria-valuemax", plane.whole);
  ribbon.setAttribute("aria-valuenow", slice + 1);
  const size = WHOLE.format(plane.sizeOf(slice, viewer.threshold));
  ribbon.setAttribute("aria-valuetext", `${slice + 1} of ${plane.whole}, ${size} voxels predicted`);
}

/**
 * @param {import("./volume.js").VolumeViewer} viewer
 * @param {import("./pane.js").PlanePane} pane
 * @param {import("../../shared/mounted.js").Mounted["on"]} on
 */
export function listenToRibbon(viewer, pane, on) {
  const ribbon = pane.part("ribbon");
  const sliceAt = (/** @type {PointerEvent} */ event) => {
    const box = ribbon.getBoundingClientRect();
    const share = clamp((event.clientX - box.left) / box.width, 0, 0.99999);
    return Math.floor(share * pane.plane.depth);
  };
  on(ribbon, "pointerdown", (/** @type {PointerEvent} */ event) => {
    if (event.button !== 0 || !viewer.volume) return;
    ribbon.setPointerCapture(event.pointerId);
    ribbon.focus({ preventScroll: true });
    viewer.showSlice(pane, sliceAt(event));
    event.preventDefault();
  });
  on(ribbon, "pointermove", (/** @type {PointerEvent} */ event) => {
    if (ribbon.hasPointerCapture(event.pointerId)) viewer.showSlice(pane, sliceAt(event));
  });
  on(ribbon, "wheel", (/** @type {WheelEvent} */ event) => {
    event.preventDefault();
    viewer.showSlice(pane, pane.slice - Math.sign(event.deltaY || event.deltaX));
  });
}
