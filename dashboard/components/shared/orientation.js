// Which side of the patient lies at which edge.

import { writeText } from "./mounted.js";

/** @type {Record<string, string>} */
const SIDE_NAMES = { R: "right", L: "left", A: "anterior", P: "posterior", S: "superior", I: "inferior" };

/**
 * Letters at the edges: what of the patient lies at the left, right, top and bottom.
 * @param {HTMLElement} box
 */
export function writeSides(box, sides = "") {
  box.hidden = !sides;
  [...box.children].forEach((letter, n) => writeText(letter, sides[n] ?? ""));
  const [left, , top] = [...sides].map((letter) => SIDE_NAMES[letter]);
  box.setAttribute("aria-label", `Patient's ${left} at the left, ${top} at the top`);
}
