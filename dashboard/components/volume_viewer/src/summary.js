// What is said about a volume at a threshold: where there is most to see, and how much it is.

import { WHOLE } from "../../shared/numbers.js";

/**
 * The voxel at the middle of the fullest slices at threshold k; the middle of the volume where
 * nothing reaches it.
 * @param {import("./decode.js").OpenVolume} volume
 * @param {number} k
 */
export function fullestVoxel({ shape, planes, tally }, k) {
  const at = shape.map((size) => Math.floor(size / 2));
  if (!tally.foreground[k + 1]) return at;
  for (const plane of planes) {
    let best = 0;
    for (let n = 1; n < plane.whole; n++) {
      if (plane.sizeOf(n, k) > plane.sizeOf(best, k)) best = n;
    }
    const along = plane.flips[0] ? plane.whole - 1 - best : best;
    at[plane.axes[0]] = Math.floor(along / plane.step);
  }
  return at;
}

/**
 * A count of voxels with its volume, in the unit that suits the whole.
 * @param {number} voxels
 * @param {number} whole voxels of the whole volume
 * @param {number | null} voxel_mm3 null where it is not known
 */
export function volumeText(voxels, whole, voxel_mm3) {
  const count = `${WHOLE.format(voxels)} voxels`;
  if (voxel_mm3 === null) return count;
  const whole_ml = (whole * voxel_mm3) / 1000;
  const [size, name] = whole_ml >= 1 ? /** @type {const} */ ([1000, "ml"]) : /** @type {const} */ ([1, "mm³"]);
  const digits = whole_ml >= 100 || whole_ml < 1 ? 2 : 3;
  return `${((voxels * voxel_mm3) / size).toFixed(digits)} ${name}  ·  ${count}`;
}
