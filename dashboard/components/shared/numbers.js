// Numbers as people read them.

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
export const WHOLE = new Intl.NumberFormat("en-US");

/** @param {number} value */
export function threeDecimals(value) {
  return Number.isFinite(value) ? value.toFixed(3) : "–";
}

/**
 * An area in the unit that suits the whole image, so that it never changes with the threshold.
 * @param {number} mm2
 * @param {number} whole_mm2
 */
export function areaText(mm2, whole_mm2) {
  const [value, unit] = whole_mm2 >= 1 ? [mm2, "mm²"] : [mm2 * 1e6, "µm²"];
  const digits = value >= 1000 ? 0 : value >= 10 ? 1 : 3;
  const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return `${value.toLocaleString("en-US", options)} ${unit}`;
}

/** @param {number} mm */
export function lengthText(mm) {
  const units = [
    { size: 10, name: "cm" }, { size: 1, name: "mm" }, { size: 1e-3, name: "µm" }, { size: 1e-6, name: "nm" },
  ];
  const unit = units.find(({ size }) => mm >= 0.999 * size) ?? units[units.length - 1];
  return `${Number((mm / unit.size).toPrecision(1))} ${unit.name}`;
}

/**
 * A round length that takes a fair part of the pane: 1, 2 or 5 times a power of ten.
 * @param {number} longest
 */
export function roundLength(longest) {
  const power = 10 ** Math.floor(Math.log10(longest));
  const factor = longest / power;
  return power * (factor >= 5 ? 5 : factor >= 2 ? 2 : 1);
}
