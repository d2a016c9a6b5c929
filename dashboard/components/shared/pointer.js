// What pointers and wheels mean, the same in every viewer.

import { clamp } from "./numbers.js";

/** @import { Point, View } from "./view.js" */

/**
 * The nearest element around an event's target that a selector matches.
 * @param {Event} event
 * @param {string} selector
 */
export function closest(event, selector) {
  return event.target instanceof Element ? event.target.closest(selector) : null;
}

/**
 * A pointer's position in an element, in CSS pixels.
 * @param {Element} element
 * @param {MouseEvent} event
 */
export function positionIn(element, event) {
  const box = element.getBoundingClientRect();
  return { x: event.clientX - box.left, y: event.clientY - box.top };
}

/**
 * How far a wheel turned, in CSS pixels.
 * @param {WheelEvent} event
 */
export function wheelDelta(event) {
  return event.deltaMode ? event.deltaY * 33 : event.deltaY || event.deltaX;
}

/**
 * Zooms at a position by what a wheel turned.
 * @param {View} view
 * @param {WheelEvent} event
 * @param {Point} at
 */
export function zoomByWheel(view, event, at) {
  view.zoomAt(Math.exp(-clamp(wheelDelta(event), -240, 240) * 0.0022), at.x, at.y);
}

/**
 * Two fingers: one moved, the other held still.
 * @param {View} view
 * @param {Point} before
 * @param {Point} now
 * @param {Point} other
 */
export function pinch(view, before, now, other) {
  const span = (/** @type {Point} */ a, /** @type {Point} */ b) => Math.max(10, Math.hypot(a.x - b.x, a.y - b.y));
  const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
  view.panBy((now.x - before.x) / 2, (now.y - before.y) / 2);
  view.zoomAt(span(now, other) / span(before, other), middle.x, middle.y);
}
