// The keyboard on the planes.

import {
  KEYS_IN_TEXT, isMeantFor, keepCharacters, pressThreshold,
} from "../../shared/keys.js";

/** @typedef {import("./volume.js").VolumeViewer} VolumeViewer */

/** @type {Record<string, number>} */
const SLICE_KEYS = { ArrowUp: 1, ArrowDown: -1 };
/** @type {Record<string, number>} */
const RIBBON_KEYS = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
/** @type {Record<string, string>} */
const VOLUME_KEYS = {
  " ": "overlay", c: "contourOrFill", h: "heat", p: "projection", x: "cross", r: "snap", 0: "fit",
  "+": "zoomIn", "=": "zoomIn", "-": "zoomOut", f: "full", "?": "help",
};

/**
 * @param {VolumeViewer} viewer
 * @param {import("../../shared/mounted.js").On} on
 */
export function listenToVolumeKeys(viewer, on) {
  const { root } = viewer;
  on(window, "keydown", (/** @type {KeyboardEvent} */ event) => {
    if (!viewer.volume || !isMeantFor(root, event)) return;
    if (!press(viewer, event)) return;
    event.preventDefault();
    event.stopPropagation();
  }, { capture: true });
  keepCharacters(root, on);
}

/**
 * @param {VolumeViewer} viewer
 * @param {KeyboardEvent} event
 */
function press(viewer, event) {
  const target = event.composedPath()[0];
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (reservedByControl(target, key)) return false;
  if (turnSlices(viewer, event, target) || pressThreshold(viewer, event)) return true;
  if (key === "Escape") return viewer.escape();
  if (!(key in VOLUME_KEYS)) return false;
  if (!event.repeat || "+-=".includes(key)) viewer.act(VOLUME_KEYS[key]);
  return true;
}

/**
 * @param {EventTarget} target
 * @param {string} key
 */
function reservedByControl(target, key) {
  if (!(target instanceof Element)) return false;
  if (target.matches("input[type=text]")) return !KEYS_IN_TEXT.includes(key);
  return target.matches("button") && [" ", "Enter"].includes(key);
}

/**
 * Up and down turn the slices of the plane in focus; on its slider, so do all arrows.
 * @param {VolumeViewer} viewer
 * @param {KeyboardEvent} event
 * @param {EventTarget} target
 */
function turnSlices(viewer, event, target) {
  const pane = viewer.panes.find(({ element }) => target instanceof Node && element.contains(target));
  if (!pane) return false;
  const onRibbon = target === pane.part("ribbon");
  /** @type {Record<string, number>} */
  const ends = { Home: 0, End: pane.plane.depth - 1 };
  const end = onRibbon ? ends[event.key] : undefined;
  const step = (onRibbon && RIBBON_KEYS[event.key]) || SLICE_KEYS[event.key];
  if (end === undefined && step === undefined) return false;
  viewer.showSlice(pane, end ?? pane.slice + step * (event.shiftKey ? 10 : 1));
  return true;
}
