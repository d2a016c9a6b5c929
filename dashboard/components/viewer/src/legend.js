// Which entries of the legend the present view needs.

/** Which entries of the legend the present look needs. */
export function legendKeys(look, truthKnown, corrected) {
  if (!look.overlay) return [];
  const truth = look.truth && truthKnown;
  const by = { contour: [], fill: [], heat: ["heat"], uncertainty: ["uncertainty"] }[look.style];
  const hand = corrected && by.length === 0 ? ["added", "removed"] : [];
  if (look.style !== "fill") return [...by, "line", ...(truth ? ["truth"] : []), ...hand];
  return [...(truth ? ["hit", "extra", "missed", "truth"] : ["mask"]), ...hand];
}
