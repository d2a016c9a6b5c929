// Maps and curves are megabytes and come once, in a component of their own; the board, which hears
// of every change of a rule, finds them here. Two modules of one page meet at globalThis.

const PARTS_KEPT = 3;

/**
 * An image as Python describes it: where its level map and its image lie in the message.
 * @typedef {{ id: string, width: number, height: number, at: number, picture: [number, number] }} ImageHeader
 */

/**
 * An image, decoded; `tp` and `fp` count pixels at and above each level.
 * @typedef {Omit<ImageHeader, "picture"> & { levels: Uint16Array, truth: Uint8Array, picture: Blob,
 *   tp: Uint32Array, fp: Uint32Array }} BoardImage
 */

/**
 * What is the same for every rule; see `dashboard.threshold.message.pack`.
 * @typedef {object} PartHeader
 * @property {string} token
 * @property {Record<string, [number, number]>} blobs
 * @property {number} n_images
 * @property {ImageHeader[]} images
 * @property {{ name: string, title: string, note: string }[]} figures
 * @property {number[]} best each image's best threshold, -1 where it has none
 * @property {{ truth: number, unit: string }} area
 * @property {Record<string, { short: string, long: string }>} labels
 * @property {number | null} [average_precision]
 * @property {number | null} [auroc]
 */

/**
 * @typedef {{ header: PartHeader, curves: Float64Array, area: Float64Array, change: Float64Array,
 *   images: BoardImage[] }} Part
 */

/** @typedef {{ promise: Promise<Part>, resolve: (part: Part) => void, begun?: boolean }} Delivery */

const shared = /** @type {{ isolineParts?: Map<string, Delivery> }} */ (globalThis);
const parts = (shared.isolineParts ??= new Map());

/**
 * What was delivered under a token, or will be.
 * @param {string} token
 */
export function partOf(token) {
  const entry = parts.get(token) ?? awaited();
  parts.delete(token);
  parts.set(token, entry);
  while (parts.size > PARTS_KEPT) parts.delete(/** @type {string} */ (parts.keys().next().value));
  return entry;
}

/** @returns {Delivery} */
function awaited() {
  /** @type {(part: Part) => void} */
  let resolve = () => {};
  const promise = new Promise((/** @type {(part: Part) => void} */ done) => (resolve = done));
  return { promise, resolve };
}
