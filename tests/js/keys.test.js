// The keyboard: which keys move the threshold, and whose a key press is.
import assert from "node:assert/strict";
import test from "node:test";
import { THRESHOLD_KEYS, isMeantFor, pressThreshold } from "../../dashboard/components/shared/keys.js";

const root = { matches: () => true };
globalThis.document ??= { activeElement: null, body: null };

const press = (key, more = {}) => ({ key, timeStamp: 5, composedPath: () => [root], ...more });

function moved(event) {
  const seen = { threshold: 500, typing: true, told: 0 };
  const viewer = {
    ...seen,
    setThreshold(k, time) {
      Object.assign(this, { threshold: k, time });
    },
    commitSoon() {
      this.told++;
    },
  };
  return { taken: pressThreshold(viewer, event), viewer };
}

test("every key of the threshold moves it by its step, tells it, and ends typing", () => {
  for (const [key, step] of Object.entries(THRESHOLD_KEYS)) {
    const { taken, viewer } = moved(press(key));
    assert.ok(taken);
    assert.deepEqual([viewer.threshold, viewer.time, viewer.told, viewer.typing], [500 + step, 5, 1, false]);
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
  assert.equal(isMeantFor({ matches: () => false }, press("c", outside)), false);
});
