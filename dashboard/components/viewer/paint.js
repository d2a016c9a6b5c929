// What the eye sees. The work of a threshold change is one pass over the display pixels in view,
// so it does not depend on the size of the map; everything dearer happens on zoom and pan only.

const COLOR = {
  prediction: [0xf0, 0xe4, 0x42],
  truth: [0x56, 0xb4, 0xe9],
  hit: [0x00, 0x9e, 0x73],
  extra: [0xd5, 0x5e, 0x00],
  missed: [0x00, 0x72, 0xb2],
  uncertain: [0xcc, 0x79, 0xa7],
};
// One number says all about a display pixel: its code in the low ten bits, then these flags.
const CODE_BITS = 1023;
const TRUTH = 1024;
const STRIPE = 2048; // where the hatching of a wrong or corrected pixel is drawn
const EDGE = 4096; // where a dash of the truth's contour is drawn
const CODES = 8192;

function rgba([red, green, blue], alpha) {
  return ((Math.round(alpha * 255) << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** Viridis by Smith and van der Walt: even lightness, safe for the colour-blind; 1001 colours. */
const HEAT = (() => {
  const terms = [
    [0.2777273272, 0.0054073445, 0.3340998053],
    [0.1050930431, 1.4046135299, 1.3845901626],
    [-0.3308618287, 0.2148475595, 0.095095163],
    [-4.634230499, -5.7991009734, -19.3324409563],
    [6.2282699363, 14.1799333668, 56.6905526007],
    [4.7763849977, -13.7451453777, -65.3530326334],
    [-5.4354558559, 4.6458526122, 26.3124352496],
  ];
  return Array.from({ length: STEPS + 1 }, (_, k) =>
    [0, 1, 2].map((channel) => {
      const value = terms.reduceRight((sum, term) => sum * (k / STEPS) + term[channel], 0);
      return clamp(Math.round(value * 255), 0, 255);
    }),
  );
})();

/** Of every display pixel: what it shows, and the lowest and highest code around it. */
class Raster {
  constructor() {
    this.capacity = 0;
    this.width = 0;
    this.height = 0;
  }

  resize(width, height) {
    this.width = width;
    this.height = height;
    this.size = width * height;
    if (this.size > this.capacity) {
      this.capacity = this.size;
      for (const name of ["code", "low", "high", "lowRow", "highRow", "flags", "shade"]) {
        this[name] = new Uint16Array(this.capacity);
      }
      this.out = new Uint32Array(this.capacity);
    }
    this.pixels = this.size
      ? new ImageData(new Uint8ClampedArray(this.out.buffer, 0, this.size * 4), width, height)
      : null;
  }

  /** Samples the scene at the view's place. Dear: only after zoom, pan or resize. */
  gather(scene, place, marks, editing) {
    this.resize(place.visible.width, place.visible.height);
    if (!this.size) return;
    this.radius = place.density >= 1.5 ? 2 : 1;
    const { left, top } = place.visible;
    this.columns = sampleAxis(left, this.width, place.originX, place.scaleX, scene.width);
    this.rows = sampleAxis(top, this.height, place.originY, place.scaleY, scene.height);
    this.code.fill(0, 0, this.size);
    if (scene.truth) {
      sample(scene.truth, scene.width, this.columns, this.rows, this.code);
      this.spread(this.radius);
    }
    if (scene.truth || editing) this.markFlags(place, scene.truth !== null);
    else this.flags.fill(0, 0, this.size);
    this.shown = null;
    this.refresh(scene, marks);
  }

  /** Samples the map anew where the view stays: after clean-up and corrections. */
  refresh(scene, marks) {
    if (!this.size) return;
    sample(marks, scene.width, this.columns, this.rows, this.code);
    this.spread(this.radius);
    const { code, flags, size } = this;
    for (let i = 0; i < size; i++) code[i] |= flags[i];
  }

  /** The map that a heat map colours, sampled when it is first shown. */
  shadeOf(scene, style) {
    if (this.shown === style) return this.shade;
    const map = style === "heat" ? scene.codes : scene.uncertainty;
    sample(map, scene.width, this.columns, this.rows, this.shade);
    const { shade, flags, size } = this;
    for (let i = 0; i < size; i++) shade[i] |= flags[i];
    this.shown = style;
    return shade;
  }

  /** Lowest and highest of `code` within the radius of each display pixel. */
  spread(radius) {
    const { code, low, high, lowRow, highRow, width, height } = this;
    spreadRows(code, code, lowRow, highRow, width, height);
    spreadColumns(lowRow, highRow, low, high, width, height);
    for (let again = 1; again < radius; again++) {
      spreadRows(low, high, lowRow, highRow, width, height);
      spreadColumns(lowRow, highRow, low, high, width, height);
    }
  }

  /** Turns the sampled truth (0 or 1) in `code` into flags: truth, hatching, dashed contour. */
  markFlags(place, known) {
    const { code, low, high, flags, width, height } = this;
    const dash = 7 * place.density;
    const stripe = 7 * place.density;
    for (let y = 0, i = 0; y < height; y++) {
      const row = y + place.visible.top;
      for (let x = 0; x < width; x++, i++) {
        const column = x + place.visible.left;
        let marked = code[i] ? TRUTH : 0;
        // False negatives are hatched one way, false positives the other.
        const slant = code[i] ? column + row : column - row + 65536 * stripe;
        if (slant % stripe < stripe * 0.4) marked |= STRIPE;
        // The phase runs unevenly along both axes, so that no straight edge lies in one gap.
        const phase = (column * 0.62 + row) % (2 * dash);
        if (known && low[i] !== high[i] && phase < dash * 1.1) marked |= EDGE;
        flags[i] = marked;
      }
    }
  }

  /** One pass over the display pixels in view: the whole cost of a threshold change. */
  paint(context, place, scene, look, k) {
    if (!this.size) return;
    const table = colorTable(look, k);
    const shaded = look.style === "heat" || look.style === "uncertainty";
    const source = shaded ? this.shadeOf(scene, look.style) : this.code;
    const line = look.contour ? rgba(COLOR.prediction, look.lineAlpha) : 0;
    if (look.contour) {
      const halo = rgba([0, 0, 0], look.lineAlpha * 0.55);
      paintContour(this, source, table, k, line, halo, look.truth ? EDGE : 0);
    } else {
      paintFill(this, source, table);
    }
    context.putImageData(this.pixels, place.visible.left, place.visible.top);
  }
}

function sampleAxis(first, length, origin, scale, limit) {
  const index = new Int32Array(length);
  for (let i = 0; i < length; i++) {
    index[i] = clamp(Math.floor((first + i + 0.5 - origin) / scale), 0, limit - 1);
  }
  return index;
}

function sample(map, mapWidth, columns, rows, out) {
  const width = columns.length;
  for (let y = 0, last = -1; y < rows.length; y++) {
    const start = y * width;
    if (rows[y] === last) {
      out.copyWithin(start, start - width, start);
      continue;
    }
    last = rows[y];
    const base = last * mapWidth;
    for (let x = 0; x < width; x++) out[start + x] = map[base + columns[x]];
  }
}

function spreadRows(lowIn, highIn, lowOut, highOut, width, height) {
  for (let y = 0; y < height; y++) {
    const start = y * width;
    const end = start + width - 1;
    for (let i = start; i <= end; i++) {
      const before = i > start ? i - 1 : i;
      const after = i < end ? i + 1 : i;
      let low = lowIn[i];
      let high = highIn[i];
      if (lowIn[before] < low) low = lowIn[before];
      if (lowIn[after] < low) low = lowIn[after];
      if (highIn[before] > high) high = highIn[before];
      if (highIn[after] > high) high = highIn[after];
      lowOut[i] = low;
      highOut[i] = high;
    }
  }
}

function spreadColumns(lowIn, highIn, lowOut, highOut, width, height) {
  for (let y = 0; y < height; y++) {
    const start = y * width;
    const up = y > 0 ? -width : 0;
    const down = y < height - 1 ? width : 0;
    for (let i = start; i < start + width; i++) {
      let low = lowIn[i];
      let high = highIn[i];
      if (lowIn[i + up] < low) low = lowIn[i + up];
      if (lowIn[i + down] < low) low = lowIn[i + down];
      if (highIn[i + up] > high) high = highIn[i + up];
      if (highIn[i + down] > high) high = highIn[i + down];
      lowOut[i] = low;
      highOut[i] = high;
    }
  }
}

const table = new Uint32Array(CODES);

/** Colour of every code at threshold k: 8192 entries, a few microseconds. */
function colorTable(look, k) {
  const dash = rgba(COLOR.truth, look.lineAlpha);
  for (let code = 0; code < CODES; code++) {
    table[code] = look.truth && code & EDGE ? dash : fillColor(look, code, k);
  }
  return table;
}

function fillColor(look, code, k) {
  const value = code & CODE_BITS;
  if (value > ADDED) return 0;
  if (look.style === "heat") return rgba(HEAT[clamp(value - 1, 0, STEPS)], look.alpha);
  if (look.style === "uncertainty") {
    return rgba(COLOR.uncertain, look.alpha * Math.min(1, value / look.mostUncertain));
  }
  if (look.editing && (value === ADDED || value === REMOVED)) {
    // What the hand put in is light, what it took out is dark; both hatched.
    const striped = code & STRIPE ? 0.6 : 0.2;
    return rgba(value === ADDED ? [255, 255, 255] : [0, 0, 0], striped);
  }
  if (look.style === "contour") return 0;
  const foreground = value > k;
  if (!look.truth) return foreground ? rgba(COLOR.prediction, look.alpha) : 0;
  if (foreground && code & TRUTH) return rgba(COLOR.hit, look.alpha);
  if (!foreground && !(code & TRUTH)) return 0;
  // Hatched, and each in its own direction, so that colour is not the only difference.
  const alpha = code & STRIPE ? Math.min(1, look.alpha * 1.7) : look.alpha * 0.75;
  return rgba(foreground ? COLOR.extra : COLOR.missed, alpha);
}

function paintFill(raster, source, table) {
  const { out, size } = raster;
  for (let i = 0; i < size; i++) out[i] = table[source[i]];
}

function paintContour(raster, source, table, k, line, halo, spared) {
  const { code, low, high, out, size } = raster;
  for (let i = 0; i < size; i++) {
    const here = code[i];
    let color = table[source[i]];
    if (low[i] <= k && high[i] > k && (here & spared) === 0) {
      color = (here & CODE_BITS) > k ? line : halo;
    }
    out[i] = color;
  }
}

/** The bare picture; smooth where it is minified, with crisp pixels from twofold on. */
function paintImage(canvas, scene, place) {
  if (canvas.width !== place.width || canvas.height !== place.height) {
    canvas.width = place.width;
    canvas.height = place.height;
  }
  const context = canvas.getContext("2d", { alpha: false });
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.fillStyle = "#0b0d0f";
  context.fillRect(0, 0, place.width, place.height);
  context.setTransform(place.scaleX, 0, 0, place.scaleY, place.originX, place.originY);
  context.imageSmoothingEnabled = place.scaleX < 2 * place.density;
  context.imageSmoothingQuality = "medium";
  const shrink = Math.max(0, Math.floor(-Math.log2(place.scaleX)));
  const picture = scene.pyramid[Math.min(shrink, scene.pyramid.length - 1)];
  context.drawImage(picture, 0, 0, scene.width, scene.height);
}
