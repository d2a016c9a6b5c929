// Generated from threshold_board/src/delivery.js by "make js"; edit the sources, not this file.
// Sources: sha256 3aa2f17e87dfaf759c4e005207fc5f3091deab7caa67b18d1fb3af4e1dcc133f

// shared/levels.js
var STEPS = 1e3;
var ADDED = STEPS + 2;
var LEVELS = STEPS + 1;

// shared/message.js
function readHeader(bytes) {
  const length = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)));
  return { header, body: bytes.subarray(4 + length) };
}
async function inflate(bytes) {
  const stream = new Blob([
    /** @type {Uint8Array<ArrayBuffer>} */
    bytes
  ]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

// shared/tally.js
function suffixSums(histogram) {
  const sums = (
    /** @type {T} */
    histogram.slice()
  );
  for (let at = sums.length - 2; at >= 0; at--) sums[at] += sums[at + 1];
  return sums;
}

// threshold_board/src/parts.js
var PARTS_KEPT = 3;
var shared = (
  /** @type {{ isolineParts?: Map<string, Delivery> }} */
  globalThis
);
var parts = shared.isolineParts ??= /* @__PURE__ */ new Map();
function partOf(token) {
  const entry = parts.get(token) ?? awaited();
  parts.delete(token);
  parts.set(token, entry);
  while (parts.size > PARTS_KEPT) parts.delete(
    /** @type {string} */
    parts.keys().next().value
  );
  return entry;
}
function awaited() {
  let resolve = () => {
  };
  const promise = new Promise((done) => resolve = done);
  return { promise, resolve };
}

// threshold_board/src/delivery.js
async function decodePart(header, body) {
  const blob = (name) => {
    const [offset, length] = header.blobs[name];
    return body.subarray(offset, offset + length);
  };
  const array = async (name, type) => new type(await inflate(blob(name)));
  const [curves, area, on, off, levels, truth] = await Promise.all([
    array("curves", Float64Array),
    array("area", Float64Array),
    array("on", Uint32Array),
    array("off", Uint32Array),
    array("levels", Uint16Array),
    array("truth", Uint8Array)
  ]);
  const pictures = blob("pictures");
  const images = header.images.map((image, n) => {
    const map = [image.at, image.at + image.width * image.height];
    const [start, length] = image.picture;
    const row = [n * LEVELS, (n + 1) * LEVELS];
    return {
      ...image,
      levels: levels.subarray(...map),
      truth: truth.subarray(...map),
      picture: new Blob([pictures.slice(start, start + length)], { type: "image/jpeg" }),
      tp: suffixSums(on.subarray(...row)),
      fp: suffixSums(off.subarray(...row))
    };
  });
  return { header, curves, area: area.subarray(0, LEVELS), change: area.subarray(LEVELS), images };
}
function delivery_default(component) {
  const { header, body } = readHeader(component.data);
  const entry = partOf(header.token);
  if (entry.begun) return;
  entry.begun = true;
  decodePart(header, body).then(entry.resolve);
}
export {
  delivery_default as default
};
