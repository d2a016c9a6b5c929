// From the message of a volume to its levels, intensities, planes and exact counts.

import { ADDED, LEVELS, STEPS } from "../../shared/levels.js";
import { inflate } from "../../shared/message.js";
import { suffixSums } from "../../shared/tally.js";
import { Plane } from "./plane.js";

/**
 * What Python sends; see `dashboard.components.volume_viewer.scene`.
 * @typedef {object} VolumeHeader
 * @property {string} key
 * @property {string} token of map and volume
 * @property {string} map
 * @property {string} title
 * @property {number} start threshold to start at, 0…1000
 * @property {number} stage_height
 * @property {number} operating_point
 * @property {string} operating_point_name
 * @property {Record<string, [number, number]>} blobs
 * @property {number[]} shape voxels on show along each axis
 * @property {number[]} whole voxels of the volume along each axis
 * @property {number[]} steps of how many slices, rows and columns one is on show
 * @property {number[]} spacing_mm
 * @property {number | null} voxel_mm3
 * @property {import("./intensities.js").Coding} grey
 * @property {[string, number, number][]} presets
 * @property {import("./plane.js").PlaneHeader[]} planes
 */

/**
 * A volume without what is made of it; `strides` lead from voxel to voxel, `sizes` counts voxels of
 * each level in every slice of an axis.
 * @typedef {object} Volume
 * @property {VolumeHeader} header
 * @property {number[]} shape
 * @property {number[]} steps
 * @property {number[]} strides
 * @property {Uint16Array} codes
 * @property {import("./plane.js").Voxels} grey
 * @property {Uint32Array[]} sizes
 */

/** @typedef {Volume & { planes: Plane[], tally: ReturnType<typeof wholeTally> }} OpenVolume */

/**
 * @param {VolumeHeader} header
 * @param {Uint8Array} body
 * @returns {Promise<OpenVolume>}
 */
async function decodeVolume(header, body) {
  /**
   * @template T
   * @param {string} name
   * @param {new (buffer: ArrayBuffer) => T} type
   */
  const blob = async (name, type) => {
    const [offset, length] = header.blobs[name];
    return new type(await inflate(body.subarray(offset, offset + length)));
  };
  const wide = header.grey.window !== null;
  const [codes, grey, ...sizes] = await Promise.all([
    blob("levels", Uint16Array),
    wide ? blob("grey", Uint16Array) : blob("grey", Uint8Array),
    blob("sizes0", Uint32Array),
    blob("sizes1", Uint32Array),
    blob("sizes2", Uint32Array),
  ]);
  const { shape, steps } = header;
  if (codes.length !== shape[0] * shape[1] * shape[2]) throw new Error("the volume has the wrong size");
  for (let i = 0; i < codes.length; i++) codes[i]++;
  const strides = [shape[1] * shape[2], shape[2], 1];
  const volume = { header, shape, steps, strides, codes, grey, sizes };
  const planes = header.planes.map((plane) => new Plane(volume, plane));
  return { ...volume, planes, tally: wholeTally(planes[0]) };
}

/**
 * Voxels of each level in the whole volume, in the form the track draws.
 * @param {Plane} plane
 */
function wholeTally(plane) {
  const all = new Float64Array(ADDED + 1);
  for (let n = 0; n < plane.whole; n++) {
    for (let k = 0; k <= STEPS; k++) {
      all[k + 1] += plane.sizes[n * LEVELS + k] - (k < STEPS ? plane.sizes[n * LEVELS + k + 1] : 0);
    }
  }
  const foreground = suffixSums(all);
  return { all, on: new Float64Array(ADDED + 1), known: false, foreground, voxels: foreground[0] };
}

// The last volume stays decoded, so that a rerun or a remount costs nothing.
/** @type {{ token: string, promise: Promise<OpenVolume> } | null} */
let lastVolume = null;

/**
 * @param {VolumeHeader} header
 * @param {Uint8Array} body
 */
export function volumeOf(header, body) {
  if (lastVolume?.token === header.token) return lastVolume.promise;
  const promise = decodeVolume(header, body);
  lastVolume = { token: header.token, promise };
  promise.catch(() => (lastVolume = null));
  return promise;
}
