// Work in slices, done in one go.

/**
 * @template T
 * @param {Generator<unknown, T, any>} work
 * @returns {T}
 */
export function atOnce(work) {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
  }
}
