// Keys that mean the same in every viewer.

import { STEPS } from "./levels.js";

/** @import { On } from "./mounted.js" */
/** @import { ThresholdViewer } from "./track.js" */

/**
 * By how many steps of the grid a key moves the threshold.
 * @type {Record<string, number>}
 */
export const THRESHOLD_KEYS = {
  ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1,
  PageUp: 100, PageDown: -100, Home: -STEPS, End: STEPS,
};

/**
 * A key with Ctrl, Command or Alt belongs to the browser.
 * @param {KeyboardEvent} event
 */
export function hasModifier(event) {
  return event.ctrlKey || event.metaKey || event.altKey;
}

/**
 * Whether a key press is for the viewer at `root`: it has the focus, or the pointer and a letter.
 * @param {HTMLElement} root
 * @param {KeyboardEvent} event
 */
export function isMeantFor(root, event) {
  if (hasModifier(event)) return false;
  if (event.composedPath().includes(root)) return true;
  // Under the pointer, letters do without focus; keys that scroll stay the page's.
  const scrolls = event.key.length > 1 || event.key === " ";
  return !scrolls && document.activeElement === document.body && root.matches(":hover");
}

/**
 * What a control inside keeps for itself (a typed digit) must not reach Streamlit's shortcuts.
 * @param {HTMLElement} root
 * @param {On} on
 */
export function keepCharacters(root, on) {
  for (const type of ["keydown", "keypress", "keyup"]) {
    on(root, type, (event) => {
      if (event.key?.length === 1 && !event.ctrlKey && !event.metaKey) event.stopPropagation();
    });
  }
}

/** The keys of a field that holds text; the others are typed into it. */
export const KEYS_IN_TEXT = ["ArrowUp", "ArrowDown", "PageUp", "PageDown"];

/**
 * Moves the threshold where the key is one of its keys; Shift makes a single step ten.
 * @param {Pick<ThresholdViewer, "threshold" | "typing" | "setThreshold" | "commitSoon">} viewer
 * @param {KeyboardEvent} event
 */
export function pressThreshold(viewer, event) {
  const step = THRESHOLD_KEYS[event.key];
  if (step === undefined) return false;
  const far = event.shiftKey && Math.abs(step) === 1 ? 10 : 1;
  viewer.typing = false;
  viewer.setThreshold(viewer.threshold + step * far, event.timeStamp);
  viewer.commitSoon();
  return true;
}
