// The histogram of levels under the threshold's track.

import { STEPS } from "../levels.js";

/** @import { Tally } from "../tally.js" */

const BAR_PIXELS = 3;

/**
 * Draws the histogram of levels, log counts; where the truth is known, on and off apart.
 * @param {HTMLCanvasElement} canvas
 * @param {Pick<Tally, "all" | "on" | "known">} tally
 * @param {{ off: string, on: string }} style
 */
export function paintHistogram(canvas, tally, style) {
  const density = window.devicePixelRatio || 1;
  const width = Math.round(canvas.clientWidth * density);
  const height = Math.round(canvas.clientHeight * density);
  if (!width || !height) return;
  canvas.width = width;
  canvas.height = height;
  const bars = Math.max(1, Math.min(STEPS, Math.floor(width / (BAR_PIXELS * density))));
  const off = new Float64Array(bars);
  const on = new Float64Array(bars);
  for (let k = 0; k <= STEPS; k++) {
    const bar = Math.min(bars - 1, Math.floor((k / STEPS) * bars));
    off[bar] += tally.all[k + 1] - tally.on[k + 1];
    on[bar] += tally.on[k + 1];
  }
  const most = Math.log1p(Math.max(...off, ...on));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const draw = (/** @type {Float64Array} */ counts, /** @type {string} */ color) => {
    context.fillStyle = color;
    for (let bar = 0; bar < bars; bar++) {
      const left = Math.round((bar / bars) * width);
      const right = Math.round(((bar + 1) / bars) * width);
      const tall = (Math.log1p(counts[bar]) / most) * height;
      context.fillRect(left, height - tall, right - left, tall);
    }
  };
  context.clearRect(0, 0, width, height);
  draw(off, style.off);
  if (tally.known) draw(on, style.on);
}
