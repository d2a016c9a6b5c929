// Connected components the plain way, to compare quicker ones with.

/**
 * The pixels of every component of a mask, in the order of its first pixel.
 * @param {Uint8Array} mask
 * @param {number} width
 * @param {number} height
 * @param {4 | 8} neighbours
 */
export function flood(mask, width, height, neighbours) {
  const seen = new Uint8Array(mask.length);
  const components = [];
  for (let start = 0; start < mask.length; start++) {
    if (!mask[start] || seen[start]) continue;
    const pixels = [start];
    seen[start] = 1;
    for (let n = 0; n < pixels.length; n++) {
      const [x, y] = [pixels[n] % width, Math.floor(pixels[n] / width)];
      for (const [dx, dy] of STEPS_AROUND.slice(0, neighbours)) {
        const [u, v] = [x + dx, y + dy];
        if (u < 0 || v < 0 || u >= width || v >= height) continue;
        const i = v * width + u;
        if (mask[i] && !seen[i]) {
          seen[i] = 1;
          pixels.push(i);
        }
      }
    }
    components.push(pixels);
  }
  return components;
}

// Edges first, then corners.
const STEPS_AROUND = [[1, 0], [-1, 0], [0, 1], [0, -1], [1, 1], [1, -1], [-1, 1], [-1, -1]];
