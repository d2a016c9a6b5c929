// The keyboard. Streamlit has single-key shortcuts of its own (C, R), so keys meant for a viewer
// are caught on their way down and go no further.

import {
  KEYS_IN_TEXT, THRESHOLD_KEYS, isMeantFor, keepCharacters, pressThreshold,
} from "../../shared/keys.js";

/** @import { On } from "../../shared/mounted.js" */
/** @import { Viewer } from "./viewer.js" */

/** @type {Record<string, string>} */
const ACTION_KEYS = {
  " ": "overlay", t: "truth", h: "heat", c: "contourOrFill", w: "wipe", s: "side", f: "full",
  n: "components", ".": "nextComponent", ",": "lastComponent", u: "uncertainty", m: "options",
  b: "brush", e: "eraser", p: "polygon", "[": "smaller", "]": "larger", x: "corrections",
  r: "snap", 0: "fit", "+": "zoomIn", "=": "zoomIn", "-": "zoomOut", "?": "help",
};
/** @type {Record<string, [number, number]>} */
const PAN_KEYS = { i: [0, 1], k: [0, -1], j: [1, 0], l: [-1, 0] };
const PAN_PIXELS = 60;

/**
 * @param {Viewer} viewer
 * @param {On} on
 */
export function listenToKeys(viewer, on) {
  const root = viewer.root;
  on(window, "keydown", (event) => {
    if (takeBack(viewer, event)) return;
    if (!isMeantFor(root, event)) return;
    const target = event.composedPath()[0];
    if (event.key === "Escape") return void viewer.escape();
    if (reservedByControl(target, event.key)) return;
    if (!press(viewer, event)) return;
    event.preventDefault();
    event.stopPropagation();
  }, { capture: true });
  keepCharacters(root, on);
}

/**
 * Ctrl+Z and Shift+Ctrl+Z (or Ctrl+Y), wherever the focus is in this viewer but in a text.
 * @param {Viewer} viewer
 * @param {KeyboardEvent} event
 */
function takeBack(viewer, event) {
  const key = event.key.toLowerCase();
  if (!(event.ctrlKey || event.metaKey) || event.altKey || !["z", "y"].includes(key)) return false;
  const target = event.composedPath()[0];
  if (!event.composedPath().includes(viewer.root) || (target instanceof Element && target.matches("input[type=text]"))) return false;
  viewer.act(key === "y" || event.shiftKey ? "redo" : "undo");
  event.preventDefault();
  event.stopPropagation();
  return true;
}

/** @type {Record<string, [number, number]>} */
const TOOL_STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * With a tool in hand the image's arrows move its cursor.
 * @param {Viewer} viewer
 * @param {KeyboardEvent} event
 */
function steer(viewer, event) {
  if (!viewer.look.tool || event.composedPath()[0] !== viewer.part("stage")) return false;
  const step = TOOL_STEPS[event.key];
  const far = event.shiftKey ? 10 : 1;
  if (step) viewer.pen.step(step[0] * far, step[1] * far);
  else if (event.key === "Enter") viewer.pen.enter({ out: event.shiftKey });
  else if (event.key === "Backspace") viewer.pen.corners.pop();
  else return false;
  viewer.changeNotes();
  return true;
}

/**
 * @param {EventTarget} target
 * @param {string} key
 */
function reservedByControl(target, key) {
  if (!(target instanceof Element)) return false;
  if (target.matches("input[type=text]")) return !KEYS_IN_TEXT.includes(key);
  if (target.matches("input[type=range], .wipe")) return key in THRESHOLD_KEYS;
  if (target.closest("[data-list-body]")) return key in THRESHOLD_KEYS;
  return target.matches("button") && (key === " " || key === "Enter");
}

/**
 * @param {Viewer} viewer
 * @param {KeyboardEvent} event
 */
function press(viewer, event) {
  if (!viewer.scene) return false;
  if (steer(viewer, event)) return true;
  if (pressThreshold(viewer, event)) return true;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (key in PAN_KEYS) {
    viewer.view.panBy(PAN_KEYS[key][0] * PAN_PIXELS, PAN_KEYS[key][1] * PAN_PIXELS);
    viewer.changeView();
    return true;
  }
  if (!(key in ACTION_KEYS)) return false;
  if (!event.repeat || "+-[],.".includes(key)) viewer.act(ACTION_KEYS[key]);
  return true;
}
