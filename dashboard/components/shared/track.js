// The threshold's track: drag and wheel.

import { STEPS } from "./levels.js";
import { clamp } from "./numbers.js";

/** @import { On } from "./mounted.js" */

/**
 * A viewer with a threshold: `setThreshold` paints, `commit` tells Python.
 * @typedef {object} ThresholdViewer
 * @property {(name: string, value?: string) => HTMLElement} part
 * @property {(name: string, value?: string) => HTMLInputElement} field
 * @property {number} threshold
 * @property {boolean} typing
 * @property {(k: number, inputTime?: number) => void} setThreshold
 * @property {() => void} commit
 * @property {() => void} commitSoon
 */

/**
 * Drag and wheel on the track; `viewer.setThreshold` paints, `viewer.commit` tells Python.
 * @param {ThresholdViewer} viewer
 * @param {On} on
 */
export function listenToTrack(viewer, on) {
  const track = viewer.part("track");
  const levelAt = (/** @type {PointerEvent} */ event) => {
    const box = track.getBoundingClientRect();
    return Math.round(clamp((event.clientX - box.left) / box.width, 0, 1) * STEPS);
  };
  /** @type {number | null} */
  let holding = null;
  on(track, "pointerdown", (event) => {
    if (event.button !== 0 || holding !== null) return;
    holding = event.pointerId;
    track.setPointerCapture(event.pointerId);
    track.focus({ preventScroll: true });
    viewer.setThreshold(levelAt(event), event.timeStamp);
    event.preventDefault();
  });
  on(track, "pointermove", (event) => {
    if (event.pointerId === holding) viewer.setThreshold(levelAt(event), event.timeStamp);
  });
  const release = (/** @type {PointerEvent} */ event) => {
    if (event.pointerId !== holding) return;
    holding = null;
    viewer.commit();
  };
  on(track, "pointerup", release);
  on(track, "pointercancel", release);
  let travel = 0;
  on(track, "wheel", (event) => {
    event.preventDefault();
    // A notch of a mouse wheel is one step; a touchpad's small deltas add up to one.
    travel += event.deltaMode ? -event.deltaY * 40 : -(event.deltaY || event.deltaX);
    const notches = Math.trunc(travel / 40);
    travel -= notches * 40;
    if (Math.abs(notches) < 1) return;
    const step = Math.sign(notches) * Math.min(Math.abs(notches), 3) * (event.shiftKey ? 10 : 1);
    viewer.setThreshold(viewer.threshold + step, event.timeStamp);
    viewer.commitSoon();
  });
}
