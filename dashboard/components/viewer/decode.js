// From the message of bytes to a scene: codes, truth, picture, and the exact counts.

const STEPS = 1000;
// The browser's map holds codes: a pixel's level and one, so that there is room on both sides for
// what the hand forces. Foreground at threshold k is every code above k.
const REMOVED = 0;
const ADDED = STEPS + 2;

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
 * Two histograms of codes and their suffix sums, made once: after that a count is a look-up.
 */
class Tally {
  constructor(codes, truth) {
    this.all = new Float64Array(ADDED + 1);
    this.on = new Float64Array(ADDED + 1);
    for (let i = 0; i < codes.length; i++) this.all[codes[i]]++;
    if (truth) for (let i = 0; i < codes.length; i++) this.on[codes[i]] += truth[i];
    this.truth = truth;
    this.known = truth !== null;
    this.pixels = codes.length;
    this.settle();
  }

  copy() {
    const copied = Object.assign(Object.create(Tally.prototype), this);
    return Object.assign(copied, { all: this.all.slice(), on: this.on.slice() });
  }

  /** A pixel changed its code; `settle` when all have. */
  move(pixel, from, to) {
    this.all[from]--;
    this.all[to]++;
    if (!this.truth?.[pixel]) return;
    this.on[from]--;
    this.on[to]++;
  }

  settle() {
    this.foreground = Tally.suffixSums(this.all);
    this.hits = Tally.suffixSums(this.on);
  }

  static suffixSums(histogram) {
    const sums = histogram.slice();
    for (let code = ADDED - 1; code >= 0; code--) sums[code] += sums[code + 1];
    return sums;
  }

  /** The four counts at threshold k; TP, FP and FN are null where the truth is not known. */
  at(k) {
    const foreground = this.foreground[k + 1];
    if (!this.known) return { foreground, tp: null, fp: null, fn: null };
    const tp = this.hits[k + 1];
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
  const map = async (name, type) => {
    return header.blobs[name] ? new type(await inflate(blob(name))) : null;
  };
  const [codes, truth, uncertainty, raw, bitmap] = await Promise.all([
    map("levels", Uint16Array),
    map("truth", Uint8Array),
    map("uncertainty", Uint16Array),
    map("raw", Float32Array),
    createImageBitmap(new Blob([blob("image")], { type: "image/png" })),
  ]);
  const { width, height } = header;
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
const decoded = new Map();

function sceneOf(header, body) {
  const promise = decoded.get(header.token) ?? decodeScene(header, body);
  decoded.delete(header.token);
  decoded.set(header.token, promise);
  promise.catch(() => decoded.delete(header.token));
  if (decoded.size > SCENES_KEPT) decoded.delete(decoded.keys().next().value);
  return promise;
}
