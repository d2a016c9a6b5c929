// Scores and counts at a threshold, as text.

import { STEPS } from "../../shared/levels.js";
import { WHOLE, areaText, threeDecimals } from "../../shared/numbers.js";

/** @import { Scene } from "../../shared/scene.js" */
/** @import { Tally } from "../../shared/tally.js" */

/**
 * Text of every figure at threshold k; an undefined score (0/0) is a dash.
 * @param {Scene} scene
 * @param {Tally} tally
 * @param {number} k
 */
export function figures(scene, tally, k) {
  const { foreground } = tally.at(k);
  const area = scene.header.pixel_area_mm2;
  const pixels = `${WHOLE.format(foreground)} px`;
  /** @type {Record<string, string>} */
  const texts = {
    area: area
      ? `${areaText(foreground * area, tally.pixels * area)}  ·  ${pixels}`
      : pixels,
    share: `${((100 * foreground) / tally.pixels).toFixed(2)} %`,
  };
  if (tally.known) {
    for (const [name, value] of Object.entries(tally.scores(k))) {
      texts[name] = threeDecimals(value);
    }
  }
  return texts;
}

/**
 * A sentence where the mask is empty or everything; an empty string otherwise.
 * @param {Scene} scene
 * @param {Tally} tally
 * @param {number} k
 */
export function remark(scene, tally, k) {
  const { foreground } = tally.at(k);
  const threshold = (k / STEPS).toFixed(3);
  if (foreground === 0 && scene.tally.at(k).foreground > 0) {
    return `Nothing is left at ${threshold} after post-processing and corrections`;
  }
  if (foreground === 0) {
    let highest = STEPS;
    while (highest > 0 && !scene.tally.all[highest + 1]) highest--;
    return `No pixel reaches ${threshold}; the highest probability is ${(highest / STEPS).toFixed(3)}`;
  }
  if (foreground === tally.pixels) return `Every pixel reaches ${threshold}`;
  return "";
}
