// Which gray every intensity of the volume is shown in.

import { clamp } from "../../shared/numbers.js";

/** Which grey every code of the volume is shown in. */
export class Intensities {
  constructor(coding) {
    this.coding = coding;
    this.table = new Uint8ClampedArray(coding.window ? 65536 : 256);
    if (coding.window) this.set(...coding.window);
    else this.table.forEach((_, code) => (this.table[code] = code));
  }

  get adjustable() {
    return this.coding.window !== null;
  }

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

  valueText(code) {
    const { low, scale, unit } = this.coding;
    const value = low + code * scale;
    return `${Number.isInteger(value) ? value : value.toPrecision(4)}${unit ? ` ${unit}` : ""}`;
  }
}
