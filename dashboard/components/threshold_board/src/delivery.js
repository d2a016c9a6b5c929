// From the message of bytes to a part: curves, counts of every image, and small maps.

import { LEVELS } from "../../shared/levels.js";
import { inflate, readHeader } from "../../shared/message.js";
import { suffixSums } from "../../shared/tally.js";
import { partOf } from "./parts.js";

/**
 * @param {import("./parts.js").PartHeader} header
 * @param {Uint8Array} body
 * @returns {Promise<import("./parts.js").Part>}
 */
async function decodePart(header, body) {
  const blob = (/** @type {string} */ name) => {
    const [offset, length] = header.blobs[name];
    return body.subarray(offset, offset + length);
  };
  /**
   * @template T
   * @param {string} name
   * @param {new (buffer: ArrayBuffer) => T} type
   */
  const array = async (name, type) => new type(await inflate(blob(name)));
  const [curves, area, on, off, levels, truth] = await Promise.all([
    array("curves", Float64Array),
    array("area", Float64Array),
    array("on", Uint32Array),
    array("off", Uint32Array),
    array("levels", Uint16Array),
    array("truth", Uint8Array),
  ]);
  const pictures = blob("pictures");
  const images = header.images.map((image, n) => {
    /** @type {[number, number]} */
    const map = [image.at, image.at + image.width * image.height];
    const [start, length] = image.picture;
    /** @type {[number, number]} */
    const row = [n * LEVELS, (n + 1) * LEVELS];
    return {
      ...image,
      levels: levels.subarray(...map),
      truth: truth.subarray(...map),
      picture: new Blob([pictures.slice(start, start + length)], { type: "image/jpeg" }),
      tp: suffixSums(on.subarray(...row)),
      fp: suffixSums(off.subarray(...row)),
    };
  });
  return { header, curves, area: area.subarray(0, LEVELS), change: area.subarray(LEVELS), images };
}

/** @param {{ data: Uint8Array }} component */
export default function (component) {
  const { header, body } = readHeader(component.data);
  const entry = partOf(header.token);
  if (entry.begun) return;
  entry.begun = true;
  decodePart(header, body).then(entry.resolve);
}
