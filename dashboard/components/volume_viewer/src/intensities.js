// Which gray every intensity of the volume is shown in.

import { clamp } from "../../shared/numbers.js";

/**
 * How intensities are coded: `low + code * scale`; a `window` (center, width) where it can be set.
 * @typedef {{ window: [number, number] | null, low: number, high: number, scale: number, unit: string }} Coding
 */

/** Which gray every code of the volume is shown in. */
export class Intensities {
  /** @param {Coding} coding */
  constructor(coding) {
    this.coding = coding;
    this.center = 0;
    this.width = 0;
    this.table = new Uint8ClampedArray(coding.window ? 65536 : 256);
    if (coding.window) this.set(...coding.window);
    else this.table.forEach((_, code) => (this.table[code] = code));
  }

  get adjustable() {
    return this.coding.window !== null;
  }

  /**
   * @param {number} center
   * @param {number} width
   */
  set(center, width) {
    const { low, high, scale } = this.coding;
    const range = Math.max(high - low, scale);
    this.center = clamp(center, low - range, high + range);
    this.width = clamp(width, range / 1000, 3 * range);
    const black = this.center - this.width / 2;
    const gain = 255 / this.width;
    for (let code = 0; code < this.table.length; code++) {
      this.table[code] = (low + code * scale - black) * gain; // rounds and clamps
    }
  }

  /** @param {number} code */
  valueText(code) {
    const { low, scale, unit } = this.coding;
    const value = low + code * scale;
    return `${Number.isInteger(value) ? value : value.toPrecision(4)}${unit ? ` ${unit}` : ""}`;
  }
}
