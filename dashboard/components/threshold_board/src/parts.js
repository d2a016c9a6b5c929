// Maps and curves are megabytes and come once, in a component of their own; the board, which hears
// of every change of a rule, finds them here. Two modules of one page meet at globalThis.

export const PARTS_KEPT = 3;
const parts = (globalThis.isolineParts ??= new Map());

/** What was delivered under a token, or will be. */
export function partOf(token) {
  let entry = parts.get(token);
  if (!entry) {
    entry = {};
    entry.promise = new Promise((resolve) => (entry.resolve = resolve));
  }
  parts.delete(token);
  parts.set(token, entry);
  while (parts.size > PARTS_KEPT) parts.delete(parts.keys().next().value);
  return entry;
}
