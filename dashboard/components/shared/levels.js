// The grid of thresholds, and how a pixel's level is coded in the browser's maps.

export const STEPS = 1000;
// The browser's map holds codes: a pixel's level and one, so that there is room on both sides for
// what the hand forces. Foreground at threshold k is every code above k.
export const REMOVED = 0;
export const ADDED = STEPS + 2;
export const LEVELS = STEPS + 1;
