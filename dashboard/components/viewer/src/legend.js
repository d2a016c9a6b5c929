// Which entries of the legend the present view needs.

/** @import { Look } from "./look.js" */

/**
 * Which entries of the legend the present look needs.
 * @param {Look} look
 * @param {boolean | undefined} truthKnown
 * @param {boolean | undefined} corrected
 */
export function legendKeys(look, truthKnown, corrected) {
  if (!look.overlay) return [];
  const truth = look.truth && truthKnown;
  const by = { contour: [], fill: [], heat: ["heat"], uncertainty: ["uncertainty"] }[look.style];
  const hand = corrected && by.length === 0 ? ["added", "removed"] : [];
  if (look.style !== "fill") return [...by, "line", ...(truth ? ["truth"] : []), ...hand];
  return [...(truth ? ["hit", "extra", "missed", "truth"] : ["mask"]), ...hand];
}
