// Connected components of the mask and their measurements, as core.export.measure defines them: pixels
// join at edges and corners, the largest is number 1, lengths count from pixel edge to pixel edge.

/** Runs of foreground, joined row by row; what is found is enough to measure any component. */
function labelRuns(marks, k, width, height) {
  const begins = [];
  const ends = [];
  const owner = [];
  const firstOfRow = new Int32Array(height + 1);
  const find = (run) => {
    while (owner[run] !== run) run = owner[run] = owner[owner[run]];
    return run;
  };
  for (let y = 0; y < height; y++) {
    let above = y > 0 ? firstOfRow[y - 1] : 0;
    const aboveEnd = (firstOfRow[y] = begins.length);
    const stop = (y + 1) * width;
    for (let i = y * width; i < stop; i++) {
      if (marks[i] <= k) continue;
      const start = i;
      while (i < stop && marks[i] > k) i++;
      const [begin, end] = [start - y * width, i - y * width];
      const run = begins.length;
      begins.push(begin);
      ends.push(end);
      owner.push(run);
      while (above < aboveEnd && ends[above] < begin) above++;
      for (let n = above; n < aboveEnd && begins[n] <= end; n++) {
        const [one, other] = [find(n), find(run)];
        owner[Math.max(one, other)] = Math.min(one, other);
      }
    }
  }
  firstOfRow[height] = begins.length;
  return { begins, ends, firstOfRow, owner: Int32Array.from(owner, (_, run) => find(run)) };
}

/** The components of a mask: area, box, mean probability; diameters when asked for. */
class Components {
  constructor(marks, scene, k) {
    const { width, height, codes } = scene;
    const runs = labelRuns(marks, k, width, height);
    const byOwner = new Map();
    const all = [];
    for (let y = 0; y < height; y++) {
      for (let run = runs.firstOfRow[y]; run < runs.firstOfRow[y + 1]; run++) {
        const [begin, end, owner] = [runs.begins[run], runs.ends[run], runs.owner[run]];
        let one = byOwner.get(owner);
        if (!one) {
          one = { area: 0, sum: 0, top: y, bottom: y + 1, left: begin, right: end, rows: [] };
          byOwner.set(owner, one);
          all.push(one);
        }
        one.area += end - begin;
        one.bottom = y + 1;
        if (begin < one.left) one.left = begin;
        if (end > one.right) one.right = end;
        let sum = 0;
        for (let i = y * width + begin; i < y * width + end; i++) sum += codes[i];
        one.sum += sum - (end - begin); // a code is a level and one
        const row = one.rows.at(-1);
        if (row && row[0] === y) row[2] = end;
        else one.rows.push([y, begin, end]);
      }
    }
    // Of equals the one whose first pixel comes first: the sort is stable.
    this.list = all.sort((a, b) => b.area - a.area);
    this.list.forEach((one, n) => {
      one.number = n + 1;
      one.probability = one.sum / one.area / STEPS;
      const gap = Math.min(one.top, one.left, height - one.bottom, width - one.right);
      one.atBorder = gap === 0;
    });
    Object.assign(this, { runs, byOwner, width, height });
    this.spacing = scene.header.spacing_mm ?? null;
  }

  /** The component of a pixel; undefined where there is none. */
  at(x, y) {
    if (x < 0 || y < 0 || x >= this.width || y >= this.height) return undefined;
    const { begins, ends, firstOfRow, owner } = this.runs;
    let low = firstOfRow[y];
    let high = firstOfRow[y + 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (ends[middle] <= x) low = middle + 1;
      else high = middle;
    }
    const inside = low < firstOfRow[y + 1] && begins[low] <= x;
    return inside ? this.byOwner.get(owner[low]) : undefined;
  }

  /** Everything measured, for tests. */
  summary() {
    return this.list.map((one) => {
      const { longest, perpendicular } = this.diameters(one);
      const { number, area, top, left, bottom, right, probability, atBorder } = one;
      const box = [top, left, bottom, right];
      return {
        number, area, box, probability, atBorder, longest: longest.length, ends: longest.ends,
        perpendicular: perpendicular.length,
      };
    });
  }

  /** Longest diameter and the longest line at right angles to it; made once for a component. */
  diameters(one) {
    one.lines ??= diametersOf(one.rows, this.spacing ?? [1, 1]);
    return one.lines;
  }
}

/** Corners of the convex hull of the midpoints of all pixel edges, scaled to millimetres. */
function hullOf(rows, [rowMm, columnMm]) {
  // Pixel centres at whole numbers; in half rows, the outermost points on either side.
  const first = rows[0][0];
  const count = 2 * rows.length + 1;
  const left = new Float64Array(count).fill(Infinity);
  const right = new Float64Array(count).fill(-Infinity);
  const widen = (at, from, to) => {
    left[at] = Math.min(left[at], from);
    right[at] = Math.max(right[at], to);
  };
  for (const [y, begin, end] of rows) {
    const at = 2 * (y - first);
    widen(at, begin, end - 1);
    widen(at + 1, begin - 0.5, end - 0.5);
    widen(at + 2, begin, end - 1);
  }
  const turn = (a, b, c) => (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);
  const chain = (edge, sign) => {
    const kept = [];
    edge.forEach((x, at) => {
      const point = { x: x * columnMm, y: (first - 0.5 + at / 2) * rowMm };
      while (kept.length > 1 && sign * turn(kept.at(-2), kept.at(-1), point) <= 0) kept.pop();
      kept.push(point);
    });
    return kept;
  };
  const [one, other] = [chain(left, -1), chain(right, 1)];
  return [...one, ...other.reverse()].filter((point, n, all) => {
    const before = all.at(n - 1);
    return n === 0 || point.x !== before.x || point.y !== before.y;
  });
}

function diametersOf(rows, spacing) {
  const hull = hullOf(rows, spacing);
  let [a, b, most] = [hull[0], hull[0], -1];
  for (let i = 0; i < hull.length; i++) {
    for (let j = i + 1; j < hull.length; j++) {
      const squared = (hull[i].x - hull[j].x) ** 2 + (hull[i].y - hull[j].y) ** 2;
      if (squared > most) [a, b, most] = [hull[i], hull[j], squared];
    }
  }
  const longest = Math.sqrt(most);
  const along = { x: (b.x - a.x) / longest, y: (b.y - a.y) / longest };
  const places = hull.map(({ x, y }) => ({
    t: (x - a.x) * along.x + (y - a.y) * along.y,
    s: (y - a.y) * along.x - (x - a.x) * along.y,
  }));
  // The chord's length changes its slope at corners only.
  const sides = [1, -1].map((sign) => {
    const points = places.filter(({ s }) => sign * s >= -1e-9 * longest);
    return points.sort((one, other) => one.t - other.t);
  });
  let across = { length: -1 };
  for (const { t } of places) {
    const [high, low] = sides.map((points) => heightAt(points, t));
    if (high - low > across.length) across = { length: high - low, t, high, low };
  }
  const ends = [across.low, across.high].map((s) => ({
    x: a.x + across.t * along.x - s * along.y,
    y: a.y + across.t * along.y + s * along.x,
  }));
  const inPixels = ({ x, y }) => ({ x: x / spacing[1] + 0.5, y: y / spacing[0] + 0.5 });
  return {
    longest: { length: longest, ends: [a, b].map(inPixels) },
    perpendicular: { length: across.length, ends: ends.map(inPixels) },
  };
}

function heightAt(points, t) {
  let n = points.findIndex((point) => point.t >= t);
  if (n < 0) n = points.length - 1;
  const [before, after] = [points[Math.max(n - 1, 0)], points[n]];
  if (after.t - before.t < 1e-12) return after.s;
  return before.s + ((t - before.t) / (after.t - before.t)) * (after.s - before.s);
}
