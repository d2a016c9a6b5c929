// Long work is done whole, slice by slice, or given up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inParts, inSlices } from "../../dashboard/components/viewer/src/mask/slices.js";
import { atOnce } from "./generators.js";

test("parts cover 0 to count without a gap or an overlap", () => {
  for (const count of [0, 1, 8191, 8192, 8193, 50_000]) {
    let at = 0;
    atOnce(inParts(count, (/** @type {number} */ from, /** @type {number} */ to) => {
      assert.equal(from, at);
      assert.ok(to > from);
      at = to;
    }));
    assert.equal(at, count);
  }
});

test("work in slices returns what it makes and lets other tasks in between", async () => {
  let others = 0;
  const timer = setInterval(() => others++, 1);
  const value = await inSlices((function* busy() {
    const end = performance.now() + 60;
    while (performance.now() < end) yield;
    return "made";
  })(), () => true);
  clearInterval(timer);
  assert.equal(value, "made");
  assert.ok(others > 0);
});

test("work that is no longer wanted is not begun and returns nothing", async () => {
  let begun = false;
  const work = (function* never() {
    begun = true;
    yield;
    return "made";
  })();
  assert.equal(await inSlices(work, () => false), undefined);
  assert.equal(begun, false);
});
