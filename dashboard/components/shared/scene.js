// From the message of an image to a scene: codes, ground truth, image and the exact counts.

import { inflate } from "./message.js";
import { Tally } from "./tally.js";

/**
 * What Python says of an image; see `dashboard.components.viewer.scene.pack`. The last four come
 * with every call and are no part of the token.
 * @typedef {object} SceneHeader
 * @property {string} token of everything that is shown
 * @property {string} map of the level map alone
 * @property {string} title
 * @property {number} width
 * @property {number} height
 * @property {[number, number] | null} spacing_mm of rows and columns
 * @property {number | null} pixel_area_mm2
 * @property {number} operating_point
 * @property {string} operating_point_name
 * @property {string} [sides] of the patient, at the left, right, top and bottom
 * @property {{ most: number, name: string } | null} [uncertainty]
 * @property {RawHeader} raw
 * @property {number} minimum_area_px
 * @property {boolean} fill_holes
 * @property {Record<string, [number, number]>} blobs where each array lies in the message
 * @property {string} key
 * @property {number} start the threshold to begin at
 * @property {number} stage_height
 * @property {string} link
 */

/**
 * The window of an image of more than 8 bits.
 * @typedef {{ center: number, width: number, low: number, high: number, unit: string,
 *   presets: [string, number, number][] }} RawHeader
 */

/**
 * An image and its maps, decoded.
 * @typedef {object} Scene
 * @property {SceneHeader} header
 * @property {number} width
 * @property {number} height
 * @property {number} aspect height of a pixel over its width
 * @property {Uint16Array} codes
 * @property {Uint8Array | null} truth
 * @property {Uint16Array | null} uncertainty
 * @property {Float32Array | null} raw
 * @property {Tally} tally
 * @property {(HTMLCanvasElement | ImageBitmap)[]} pyramid the image at full size, half, quarter, …
 */

/**
 * The image at full size, half, quarter, …: a minified image is drawn from the nearest.
 * @param {HTMLCanvasElement | ImageBitmap} bitmap
 */
export function halvings(bitmap) {
  /** @type {(HTMLCanvasElement | ImageBitmap)[]} */
  const pyramid = [bitmap];
  let last = bitmap;
  while (Math.min(last.width, last.height) > 256) {
    const half = document.createElement("canvas");
    half.width = Math.ceil(last.width / 2);
    half.height = Math.ceil(last.height / 2);
    const context = /** @type {CanvasRenderingContext2D} */ (half.getContext("2d"));
    context.imageSmoothingQuality = "high";
    context.drawImage(last, 0, 0, half.width, half.height);
    pyramid.push(half);
    last = half;
  }
  return pyramid;
}

/**
 * @param {SceneHeader} header
 * @param {Uint8Array} body
 */
async function decodeScene(header, body) {
  const blob = (/** @type {string} */ name) => {
    const [offset, length] = header.blobs[name];
    return body.subarray(offset, offset + length);
  };
  const map = async (/** @type {string} */ name) => (header.blobs[name] ? inflate(blob(name)) : null);
  const [levels, reference, deviation, values, bitmap] = await Promise.all([
    inflate(blob("levels")),
    map("truth"),
    map("uncertainty"),
    map("raw"),
    createImageBitmap(new Blob([/** @type {Uint8Array<ArrayBuffer>} */ (blob("image"))], { type: "image/png" })),
  ]);
  const { width, height } = header;
  const codes = new Uint16Array(levels);
  const truth = reference && new Uint8Array(reference);
  const uncertainty = deviation && new Uint16Array(deviation);
  const raw = values && new Float32Array(values);
  if (codes.length !== width * height) throw new Error("the level map has the wrong size");
  for (let i = 0; i < codes.length; i++) codes[i]++;
  const [rows, columns] = header.spacing_mm ?? [1, 1];
  const tally = new Tally(codes, truth);
  const pyramid = halvings(bitmap);
  const aspect = rows / columns;
  return { header, width, height, aspect, codes, truth, uncertainty, raw, tally, pyramid };
}

// The last few scenes stay decoded, so that a rerun, a remount or a step back costs nothing.
const SCENES_KEPT = 4;
/** @type {Map<string, Promise<Scene>>} */
const decoded = new Map();

/**
 * @param {SceneHeader} header
 * @param {Uint8Array} body
 */
export function sceneOf(header, body) {
  const promise = decoded.get(header.token) ?? decodeScene(header, body);
  decoded.delete(header.token);
  decoded.set(header.token, promise);
  promise.catch(() => decoded.delete(header.token));
  const [oldest] = decoded.keys();
  if (decoded.size > SCENES_KEPT) decoded.delete(oldest);
  return promise;
}
