// From the message of bytes to a volume: levels, grey values, planes through them, exact counts.

const LEVELS = STEPS + 1;

/** One of the three planes: which axes of the volume its slices, rows and columns run along. */
class Plane {
  constructor(volume, { name, axes, flips, sides }, number) {
    const { shape, steps, header } = volume;
    Object.assign(this, { volume, name, axes, flips, sides, number });
    [this.depth, this.height, this.width] = axes.map((axis) => shape[axis]);
    this.whole = header.whole[axes[0]];
    this.step = steps[axes[0]];
    const [, rows, columns] = axes.map((axis) => header.spacing_mm[axis]);
    this.aspect = rows / columns;
    this.column_mm = columns;
    this.strides = axes.map((axis, n) => volume.strides[axis] * (flips[n] ? -1 : 1));
    this.origin = axes.reduce((sum, axis, n) => sum + (flips[n] ? (shape[axis] - 1) * volume.strides[axis] : 0), 0);
    this.sizes = Plane.suffixSums(volume.sizes[axes[0]], this.whole, flips[0]);
  }

  /** Voxels at and above each level in every slice, in the order of this plane. */
  static suffixSums(counts, whole, flipped) {
    const sums = new Uint32Array(whole * LEVELS);
    for (let n = 0; n < whole; n++) {
      const from = (flipped ? whole - 1 - n : n) * LEVELS;
      let sum = 0;
      for (let k = STEPS; k >= 0; k--) {
        sum += counts[from + k];
        sums[n * LEVELS + k] = sum;
      }
    }
    return sums;
  }

  /** Predicted voxels in a slice at threshold k; the slice counts in the whole volume. */
  sizeOf(slice, k) {
    return this.sizes[slice * LEVELS + k];
  }

  /** Where a position in the volume lies in this plane, and the way back. */
  toPlane(at) {
    const [slice, row, column] = this.axes.map((axis, n) => {
      return this.flips[n] ? this.volume.shape[axis] - 1 - at[axis] : at[axis];
    });
    return { slice, row, column };
  }

  toVolume({ slice, row, column }) {
    const at = [0, 0, 0];
    [slice, row, column].forEach((value, n) => {
      const axis = this.axes[n];
      const last = this.volume.shape[axis] - 1;
      const inside = clamp(Math.floor(value), 0, last);
      at[axis] = this.flips[n] ? last - inside : inside;
    });
    return at;
  }

  /** A slice of an array of the volume. */
  extract(array, slice, out) {
    const [deep, down, right] = this.strides;
    for (let y = 0, i = 0; y < this.height; y++) {
      let from = this.origin + slice * deep + y * down;
      for (let x = 0; x < this.width; x++, i++, from += right) out[i] = array[from];
    }
    return out;
  }

  /** The largest value along this plane's slices. */
  project(array, out) {
    const [deep, down, right] = this.strides;
    out.fill(0);
    for (let slice = 0; slice < this.depth; slice++) {
      for (let y = 0, i = 0; y < this.height; y++) {
        let from = this.origin + slice * deep + y * down;
        for (let x = 0; x < this.width; x++, i++, from += right) {
          if (array[from] > out[i]) out[i] = array[from];
        }
      }
    }
    return out;
  }
}

async function decodeVolume(header, body) {
  const blob = async (name, type) => {
    const [offset, length] = header.blobs[name];
    return new type(await inflate(body.subarray(offset, offset + length)));
  };
  const wide = header.grey.window !== null;
  const [codes, grey, ...sizes] = await Promise.all([
    blob("levels", Uint16Array),
    blob("grey", wide ? Uint16Array : Uint8Array),
    blob("sizes0", Uint32Array),
    blob("sizes1", Uint32Array),
    blob("sizes2", Uint32Array),
  ]);
  const { shape, steps } = header;
  if (codes.length !== shape[0] * shape[1] * shape[2]) throw new Error("the volume has the wrong size");
  for (let i = 0; i < codes.length; i++) codes[i]++;
  const strides = [shape[1] * shape[2], shape[2], 1];
  const volume = { header, shape, steps, strides, codes, grey, sizes };
  volume.planes = header.planes.map((plane, number) => new Plane(volume, plane, number));
  volume.tally = wholeTally(volume.planes[0]);
  return volume;
}

/** Voxels of each level in the whole volume, in the form the track draws. */
function wholeTally(plane) {
  const all = new Float64Array(ADDED + 1);
  for (let n = 0; n < plane.whole; n++) {
    for (let k = 0; k <= STEPS; k++) {
      all[k + 1] += plane.sizes[n * LEVELS + k] - (k < STEPS ? plane.sizes[n * LEVELS + k + 1] : 0);
    }
  }
  const foreground = Tally.suffixSums(all);
  return { all, on: new Float64Array(ADDED + 1), known: false, foreground, voxels: foreground[0] };
}

// The last volume stays decoded, so that a rerun or a remount costs nothing.
let lastVolume = { token: "", promise: null };

function volumeOf(header, body) {
  if (lastVolume.token !== header.token) {
    lastVolume = { token: header.token, promise: decodeVolume(header, body) };
    lastVolume.promise.catch(() => (lastVolume = { token: "", promise: null }));
  }
  return lastVolume.promise;
}

/** Which grey every code of the volume is shown in. */
class Greys {
  constructor(coding) {
    this.coding = coding;
    this.table = new Uint8ClampedArray(coding.window ? 65536 : 256);
    if (coding.window) this.set(...coding.window);
    else this.table.forEach((_, code) => (this.table[code] = code));
  }

  get adjustable() {
    return this.coding.window !== null;
  }

  set(center, width) {
    const { low, high, scale } = this.coding;
    const range = Math.max(high - low, scale);
    this.center = clamp(center, low - range, high + range);
    this.width = clamp(width, range / 1000, 3 * range);
    const black = this.center - this.width / 2;
    const gain = 255 / this.width;
    for (let code = 0; code < this.table.length; code++) {
      this.table[code] = (low + code * scale - black) * gain; // rounds and clamps
    }
  }

  valueText(code) {
    const { low, scale, unit } = this.coding;
    const value = low + code * scale;
    return `${Number.isInteger(value) ? value : value.toPrecision(4)}${unit ? ` ${unit}` : ""}`;
  }
}
