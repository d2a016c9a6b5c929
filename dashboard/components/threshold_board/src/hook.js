// What tests and benchmarks may ask a board, at root.__isoline.

// What tests and benchmarks may ask a board, at root.__isoline.
export function hook(board) {
  return {
    get ready() { return board.data !== null && board.data.header.token === board.state.token && !board.frame; },
    get threshold() { return board.threshold; },
    get latencies() { return board.latencies; },
    get order() { return [...board.part("tiles").children].map((tile) => tile.querySelector(".name").textContent); },
    get painted() { return board.tiles.tiles.filter((tile) => tile.painted).length; },
    figure: (block, name, k) => {
      const { value, low, high } = board.curve(block, name);
      return [value[k], low[k], high[k]];
    },
    pixels: (n) => {
      const { tiles: [...tiles] } = board.tiles;
      return [...(tiles[n].out ?? [])];
    },
    setThreshold: (k) => board.setThreshold(k, performance.now()),
  };
}
