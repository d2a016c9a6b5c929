// From the message of a volume to its levels, intensities, planes and exact counts.

import { ADDED, LEVELS, STEPS } from "../../shared/levels.js";
import { inflate } from "../../shared/message.js";
import { suffixSums } from "../../shared/tally.js";
import { Plane } from "./plane.js";

async function decodeVolume(header, body) {
  const blob = async (name, type) => {
    const [offset, length] = header.blobs[name];
    return new type(await inflate(body.subarray(offset, offset + length)));
  };
  const wide = header.grey.window !== null;
  const [codes, grey, ...sizes] = await Promise.all([
    blob("levels", Uint16Array),
    blob("grey", wide ? Uint16Array : Uint8Array),
    blob("sizes0", Uint32Array),
    blob("sizes1", Uint32Array),
    blob("sizes2", Uint32Array),
  ]);
  const { shape, steps } = header;
  if (codes.length !== shape[0] * shape[1] * shape[2]) throw new Error("the volume has the wrong size");
  for (let i = 0; i < codes.length; i++) codes[i]++;
  const strides = [shape[1] * shape[2], shape[2], 1];
  const volume = { header, shape, steps, strides, codes, grey, sizes };
  volume.planes = header.planes.map((plane, number) => new Plane(volume, plane, number));
  volume.tally = wholeTally(volume.planes[0]);
  return volume;
}

/** Voxels of each level in the whole volume, in the form the track draws. */
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
let lastVolume = { token: "", promise: null };

export function volumeOf(header, body) {
  if (lastVolume.token !== header.token) {
    lastVolume = { token: header.token, promise: decodeVolume(header, body) };
    lastVolume.promise.catch(() => (lastVolume = { token: "", promise: null }));
  }
  return lastVolume.promise;
}
