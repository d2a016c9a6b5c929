// One of the three planes through a volume.

import { LEVELS, STEPS } from "../../shared/levels.js";
import { clamp } from "../../shared/numbers.js";

/**
 * A plane as Python describes it: the axes that its slices, rows and columns run along, and which
 * of them run backwards.
 * @typedef {{ name: string, axes: number[], flips: boolean[], sides: string }} PlaneHeader
 */

/** @typedef {Uint8Array | Uint16Array} Voxels */

/** One of the three planes: which axes of the volume its slices, rows and columns run along. */
export class Plane {
  /**
   * @param {import("./decode.js").Volume} volume
   * @param {PlaneHeader} plane
   */
  constructor(volume, { name, axes, flips, sides }) {
    const { shape, steps, header } = volume;
    this.volume = volume;
    this.name = name;
    this.axes = axes;
    this.flips = flips;
    this.sides = sides;
    this.depth = shape[axes[0]];
    this.height = shape[axes[1]];
    this.width = shape[axes[2]];
    this.whole = header.whole[axes[0]];
    this.step = steps[axes[0]];
    const [, rows, columns] = axes.map((axis) => header.spacing_mm[axis]);
    this.aspect = rows / columns;
    this.column_mm = columns;
    this.strides = axes.map((axis, n) => volume.strides[axis] * (flips[n] ? -1 : 1));
    this.origin = axes.reduce((sum, axis, n) => sum + (flips[n] ? (shape[axis] - 1) * volume.strides[axis] : 0), 0);
    this.sizes = Plane.suffixSums(volume.sizes[axes[0]], this.whole, flips[0]);
  }

  /**
   * Voxels at and above each level in every slice, in the order of this plane.
   * @param {Uint32Array} counts
   * @param {number} whole
   * @param {boolean} flipped
   */
  static suffixSums(counts, whole, flipped) {
    const sums = new Uint32Array(whole * LEVELS);
    for (let n = 0; n < whole; n++) {
      const from = (flipped ? whole - 1 - n : n) * LEVELS;
      let sum = 0;
      for (let k = STEPS; k >= 0; k--) {
        sum += counts[from + k];
        sums[n * LEVELS + k] = sum;
      }
    }
    return sums;
  }

  /**
   * Predicted voxels in a slice at threshold k; the slice counts in the whole volume.
   * @param {number} slice
   * @param {number} k
   */
  sizeOf(slice, k) {
    return this.sizes[slice * LEVELS + k];
  }

  /**
   * Where a position in the volume lies in this plane, and the way back.
   * @param {number[]} at
   */
  toPlane(at) {
    const [slice, row, column] = this.axes.map((axis, n) => {
      return this.flips[n] ? this.volume.shape[axis] - 1 - at[axis] : at[axis];
    });
    return { slice, row, column };
  }

  /** @param {{ slice: number, row: number, column: number }} place */
  toVolume({ slice, row, column }) {
    const at = [0, 0, 0];
    [slice, row, column].forEach((value, n) => {
      const axis = this.axes[n];
      const last = this.volume.shape[axis] - 1;
      const inside = clamp(Math.floor(value), 0, last);
      at[axis] = this.flips[n] ? last - inside : inside;
    });
    return at;
  }

  /**
   * A slice of an array of the volume.
   * @template {Voxels} T
   * @param {Voxels} array
   * @param {number} slice
   * @param {T} out
   */
  extract(array, slice, out) {
    const [deep, down, right] = this.strides;
    for (let y = 0, i = 0; y < this.height; y++) {
      let from = this.origin + slice * deep + y * down;
      for (let x = 0; x < this.width; x++, i++, from += right) out[i] = array[from];
    }
    return out;
  }

  /**
   * The largest value along this plane's slices.
   * @template {Voxels} T
   * @param {Voxels} array
   * @param {T} out
   */
  project(array, out) {
    const [deep, down, right] = this.strides;
    out.fill(0);
    for (let slice = 0; slice < this.depth; slice++) {
      for (let y = 0, i = 0; y < this.height; y++) {
        let from = this.origin + slice * deep + y * down;
        for (let x = 0; x < this.width; x++, i++, from += right) {
          if (array[from] > out[i]) out[i] = array[from];
        }
      }
    }
    return out;
  }
}
