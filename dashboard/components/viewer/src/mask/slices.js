// Long work in slices, so that the page continues answering the hand meanwhile.
//
// Such work is a generator that yields often and returns what it made.

const SLICE_MS = 8; // half a frame

/**
 * Does it slice by slice; gives up, with nothing to show, when `wanted` is false.
 * @template T
 * @param {Generator<unknown, T, any>} work
 * @param {() => boolean} wanted
 */
export async function inSlices(work, wanted) {
  const channel = new MessageChannel(); // a timer would wait four milliseconds each time
  try {
    while (wanted()) {
      const end = performance.now() + SLICE_MS;
      do {
        const { done, value } = work.next();
        if (done) return value;
      } while (performance.now() < end);
      await new Promise((next) => {
        channel.port1.onmessage = next;
        channel.port2.postMessage(null);
      });
    }
    return undefined;
  } finally {
    channel.port1.close();
  }
}

/**
 * Calls `part(from, to)` for all of 0…count, a few thousand at a time.
 * @param {number} count
 * @param {(from: number, to: number) => void} part
 */
export function* inParts(count, part) {
  const step = 1 << 13;
  for (let from = 0; from < count; from += step) {
    part(from, Math.min(from + step, count));
    yield;
  }
}
