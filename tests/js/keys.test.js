// The keyboard: which keys move the threshold, and whose a key press is.
import assert from "node:assert/strict";
import test from "node:test";
import { THRESHOLD_KEYS, isMeantFor, pressThreshold } from "../../dashboard/components/shared/keys.js";

// What the functions ask of a page, no more.
const root = /** @type {HTMLElement} */ (/** @type {unknown} */ ({ matches: () => true }));
const elsewhere = /** @type {HTMLElement} */ (/** @type {unknown} */ ({ matches: () => false }));
Object.assign(globalThis, { document: { activeElement: null, body: null } });

/**
 * @param {string} key
 * @param {object} [more]
 */
function press(key, more = {}) {
  const event = { key, timeStamp: 5, composedPath: () => [root], ...more };
  return /** @type {KeyboardEvent} */ (/** @type {unknown} */ (event));
}

/** @param {KeyboardEvent} event */
function moved(event) {
  const viewer = {
    threshold: 500,
    typing: true,
    time: 0,
    reported: 0,
    setThreshold(/** @type {number} */ k, /** @type {number | undefined} */ time = 0) {
      viewer.threshold = k;
      viewer.time = time;
    },
    commitSoon() {
      viewer.reported++;
    },
  };
  return { taken: pressThreshold(viewer, event), viewer };
}

test("every key of the threshold moves it by its step, tells it, and ends typing", () => {
  for (const [key, step] of Object.entries(THRESHOLD_KEYS)) {
    const { taken, viewer } = moved(press(key));
    assert.ok(taken);
    assert.deepEqual([viewer.threshold, viewer.time, viewer.reported, viewer.typing], [500 + step, 5, 1, false]);
  }
});

test("Shift makes ten of a single step and leaves the larger ones", () => {
  for (const [key, step] of Object.entries(THRESHOLD_KEYS)) {
    const { viewer } = moved(press(key, { shiftKey: true }));
    assert.equal(viewer.threshold, 500 + (Math.abs(step) === 1 ? 10 * step : step));
  }
});

test("opposite keys cancel each other", () => {
  for (const [one, other] of [["ArrowUp", "ArrowDown"], ["ArrowLeft", "ArrowRight"], ["PageUp", "PageDown"], ["Home", "End"]]) {
    assert.equal(THRESHOLD_KEYS[one] + THRESHOLD_KEYS[other], 0);
  }
});

test("any other key is left alone", () => {
  for (const key of ["a", " ", "Enter", "Tab"]) assert.equal(moved(press(key)).taken, false);
});

test("keys with Ctrl, Command or Alt are the browser's; keys inside are the viewer's", () => {
  assert.ok(isMeantFor(root, press("c")));
  for (const modifier of ["ctrlKey", "metaKey", "altKey"]) assert.equal(isMeantFor(root, press("c", { [modifier]: true })), false);
});

test("outside, letters count under the pointer, but keys that scroll stay the page's", () => {
  const outside = { composedPath: () => [] };
  assert.ok(isMeantFor(root, press("c", outside)));
  for (const key of [" ", "ArrowDown", "PageUp"]) assert.equal(isMeantFor(root, press(key, outside)), false);
  assert.equal(isMeantFor(elsewhere, press("c", outside)), false);
});
