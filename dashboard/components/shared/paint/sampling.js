// From a map to display pixels: sampling, and the lowest and highest code around each.

import { clamp } from "../numbers.js";

/**
 * @param {number} first
 * @param {number} length
 * @param {number} origin
 * @param {number} scale
 * @param {number} limit
 */
export function sampleAxis(first, length, origin, scale, limit) {
  const index = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    index[i] = clamp(Math.floor((first + i + 0.5 - origin) / scale), 0, limit - 1);
  }
  return index;
}

/**
 * @param {Uint16Array | Uint8Array} map
 * @param {number} mapWidth
 * @param {Int32Array} columns
 * @param {Int32Array} rows
 * @param {Uint16Array} out
 */
export function sample(map, mapWidth, columns, rows, out) {
  const width = columns.length;
  for (let y = 0, last = -1; y < rows.length; y++) {
    const start = y * width;
    if (rows[y] === last) {
      out.copyWithin(start, start - width, start);
      continue;
    }
    last = rows[y];
    const base = last * mapWidth;
    for (let x = 0; x < width; x++) out[start + x] = map[base + columns[x]];
  }
}

/**
 * @param {Uint16Array | Uint8Array} lowIn
 * @param {Uint16Array | Uint8Array} highIn
 * @param {Uint16Array} lowOut
 * @param {Uint16Array} highOut
 * @param {number} width
 * @param {number} height
 */
export function spreadRows(lowIn, highIn, lowOut, highOut, width, height) {
  for (let y = 0; y < height; y++) {
    const start = y * width;
    const end = start + width - 1;
    for (let i = start; i <= end; i++) {
      const before = i > start ? i - 1 : i;
      const after = i < end ? i + 1 : i;
      let low = lowIn[i];
      let high = highIn[i];
      if (lowIn[before] < low) low = lowIn[before];
      if (lowIn[after] < low) low = lowIn[after];
      if (highIn[before] > high) high = highIn[before];
      if (highIn[after] > high) high = highIn[after];
      lowOut[i] = low;
      highOut[i] = high;
    }
  }
}

/**
 * @param {Uint16Array | Uint8Array} lowIn
 * @param {Uint16Array | Uint8Array} highIn
 * @param {Uint16Array} lowOut
 * @param {Uint16Array} highOut
 * @param {number} width
 * @param {number} height
 */
export function spreadColumns(lowIn, highIn, lowOut, highOut, width, height) {
  for (let y = 0; y < height; y++) {
    const start = y * width;
    const up = y > 0 ? -width : 0;
    const down = y < height - 1 ? width : 0;
    for (let i = start; i < start + width; i++) {
      let low = lowIn[i];
      let high = highIn[i];
      if (lowIn[i + up] < low) low = lowIn[i + up];
      if (lowIn[i + down] < low) low = lowIn[i + down];
      if (highIn[i + up] > high) high = highIn[i + up];
      if (highIn[i + down] > high) high = highIn[i + down];
      lowOut[i] = low;
      highOut[i] = high;
    }
  }
}
