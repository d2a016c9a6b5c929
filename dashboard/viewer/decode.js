// From the message of bytes to a scene: levels, truth, picture, and the exact counts.

const STEPS = 1000;

/** Splits the message into its header and the bytes after it. */
function readHeader(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  return { header, body: bytes.subarray(4 + length) };
}

async function inflate(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

/**
 * Foreground, TP, FP and FN at every threshold, over the whole map at native resolution.
 *
 * Two histograms and their suffix sums, made once: after that a count is a look-up.
 */
class Tally {
  constructor(levels, truth) {
    this.all = new Float64Array(STEPS + 2);
    this.on = new Float64Array(STEPS + 2);
    for (let i = 0; i < levels.length; i++) this.all[levels[i]]++;
    if (truth) for (let i = 0; i < levels.length; i++) this.on[levels[i]] += truth[i];
    this.known = truth !== null;
    this.pixels = levels.length;
    this.foreground = Tally.suffixSums(this.all);
    this.hits = Tally.suffixSums(this.on);
  }

  static suffixSums(histogram) {
    const sums = histogram.slice();
    for (let k = STEPS; k >= 0; k--) sums[k] += sums[k + 1];
    return sums;
  }

  /** The four counts at threshold k; TP, FP and FN are null where the truth is not known. */
  at(k) {
    const foreground = this.foreground[k];
    if (!this.known) return { foreground, tp: null, fp: null, fn: null };
    const tp = this.hits[k];
    return { foreground, tp, fp: foreground - tp, fn: this.hits[0] - tp };
  }

  /** Dice, IoU, precision and recall at k; NaN where a denominator is zero. */
  scores(k) {
    const { tp, fp, fn } = this.at(k);
    return {
      dice: (2 * tp) / (2 * tp + fp + fn),
      iou: tp / (tp + fp + fn),
      precision: tp / (tp + fp),
      recall: tp / (tp + fn),
    };
  }
}

/** The picture at full size, half, quarter, …: a minified picture is drawn from the nearest. */
function halvings(bitmap) {
  const pyramid = [bitmap];
  let last = bitmap;
  while (Math.min(last.width, last.height) > 256) {
    const half = document.createElement("canvas");
    half.width = Math.ceil(last.width / 2);
    half.height = Math.ceil(last.height / 2);
    const context = half.getContext("2d");
    context.imageSmoothingQuality = "high";
    context.drawImage(last, 0, 0, half.width, half.height);
    pyramid.push(half);
    last = half;
  }
  return pyramid;
}

async function decodeScene(header, body) {
  const blob = (name) => {
    const [offset, length] = header.blobs[name];
    return body.subarray(offset, offset + length);
  };
  const [levels, truth, bitmap] = await Promise.all([
    inflate(blob("levels")).then((buffer) => new Uint16Array(buffer)),
    header.blobs.truth ? inflate(blob("truth")).then((buffer) => new Uint8Array(buffer)) : null,
    createImageBitmap(new Blob([blob("image")], { type: "image/png" })),
  ]);
  const { width, height } = header;
  if (levels.length !== width * height) throw new Error("the level map has the wrong size");
  const [rows, columns] = header.spacing_mm ?? [1, 1];
  const tally = new Tally(levels, truth);
  const pyramid = halvings(bitmap);
  return { header, width, height, aspect: rows / columns, levels, truth, tally, pyramid };
}

// The last few scenes stay decoded, so that a rerun, a remount or a step back costs nothing.
const SCENES_KEPT = 4;
const decoded = new Map();

function sceneOf(header, body) {
  const promise = decoded.get(header.token) ?? decodeScene(header, body);
  decoded.delete(header.token);
  decoded.set(header.token, promise);
  promise.catch(() => decoded.delete(header.token));
  if (decoded.size > SCENES_KEPT) decoded.delete(decoded.keys().next().value);
  return promise;
}
