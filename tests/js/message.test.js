// The message from Python is taken apart without loss.

import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { inflate, readHeader } from "../../dashboard/components/shared/message.js";
import { randomOf, wholeOf } from "./random.js";

/**
 * As dashboard.components.viewer.scene.join writes it: length of the header, header, body.
 * @param {object} header
 * @param {Uint8Array} body
 */
function join(header, body) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(4 + text.length + body.length);
  new DataView(bytes.buffer).setUint32(0, text.length, true);
  bytes.set(text, 4);
  bytes.set(body, 4 + text.length);
  return bytes;
}

const header = { title: "Größe 3 mm² · “a”", blobs: { levels: [0, 5] }, spacing_mm: null };

test("header and body come back as they were joined", () => {
  const random = randomOf(1);
  for (const length of [0, 1, 257]) {
    const body = Uint8Array.from({ length }, () => wholeOf(random, 0, 255));
    const read = readHeader(join(header, body));
    assert.deepEqual(read.header, header);
    assert.deepEqual(read.body, body);
  }
});

test("a message that is a view into a larger buffer is read at its own place", () => {
  const message = join(header, Uint8Array.of(7, 8, 9));
  const buffer = new Uint8Array(message.length + 20).fill(255);
  buffer.set(message, 13);
  const read = readHeader(buffer.subarray(13, 13 + message.length));
  assert.deepEqual(read.header, header);
  assert.deepEqual([...read.body], [7, 8, 9]);
});

test("inflate undoes zlib's deflate", async () => {
  const random = randomOf(2);
  for (const length of [0, 1, 5000]) {
    const levels = Uint16Array.from({ length }, () => wholeOf(random, 0, 1000));
    const packed = deflateSync(new Uint8Array(levels.buffer));
    assert.deepEqual(new Uint16Array(await inflate(new Uint8Array(packed))), levels);
  }
});

test("bytes that are no zlib stream are refused", async () => {
  await assert.rejects(inflate(Uint8Array.of(1, 2, 3, 4)));
});
