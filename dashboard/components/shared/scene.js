// From the message of an image to a scene: codes, ground truth, image and the exact counts.

import { inflate } from "./message.js";
import { Tally } from "./tally.js";

/** The picture at full size, half, quarter, …: a minified picture is drawn from the nearest. */
export function halvings(bitmap) {
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

export function sceneOf(header, body) {
  const promise = decoded.get(header.token) ?? decodeScene(header, body);
  decoded.delete(header.token);
  decoded.set(header.token, promise);
  promise.catch(() => decoded.delete(header.token));
  if (decoded.size > SCENES_KEPT) decoded.delete(decoded.keys().next().value);
  return promise;
}
