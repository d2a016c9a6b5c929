// The threshold's track: drag and wheel.

import { STEPS } from "./levels.js";
import { clamp } from "./numbers.js";

/** Drag and wheel on the track; `viewer.setThreshold` paints, `viewer.commit` tells Python. */
export function listenToTrack(viewer, on) {
  const track = viewer.part("track");
  const levelAt = (event) => {
    const box = track.getBoundingClientRect();
    return Math.round(clamp((event.clientX - box.left) / box.width, 0, 1) * STEPS);
  };
  let holding = null;
  on(track, "pointerdown", (event) => {
    if (event.button !== 0 || holding !== null) return;
    holding = event.pointerId;
    track.setPointerCapture(holding);
    track.focus({ preventScroll: true });
    viewer.setThreshold(levelAt(event), event.timeStamp);
    event.preventDefault();
  });
  on(track, "pointermove", (event) => {
    if (event.pointerId === holding) viewer.setThreshold(levelAt(event), event.timeStamp);
  });
  const release = (event) => {
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
