// What tests and benchmarks may ask a board, at root.__isoline.
/** @param {import("./board.js").Board} board */
export function hook(board) {
  return {
    get ready() { return board.data !== null && board.data.header.token === board.state.token && !board.frame; },
    get threshold() { return board.threshold; },
    get latencies() { return board.latencies; },
    get order() { return [...board.part("tiles").children].map((tile) => tile.querySelector(".name")?.textContent); },
    get painted() { return board.tiles.tiles.filter((tile) => tile.painted).length; },
    metric: (/** @type {string} */ block, /** @type {string} */ name, /** @type {number} */ k) => {
      const { value, low, high } = board.curve(block, name);
      return [value[k], low[k], high[k]];
    },
    pixels: (/** @type {number} */ n) => [...(board.tiles.tiles[n].pixels?.out ?? [])],
    setThreshold: (/** @type {number} */ k) => board.setThreshold(k, performance.now()),
  };
}
