// The threshold as a number that can be typed.

import { STEPS } from "./levels.js";

/** @import { On } from "./mounted.js" */
/** @import { ThresholdViewer } from "./track.js" */

/**
 * The number field: Enter or leaving it sets, Escape restores.
 * @param {ThresholdViewer} viewer
 * @param {On} on
 */
export function listenToNumber(viewer, on) {
  const field = viewer.field("number");
  const read = () => {
    const text = field.value.trim().replace(",", ".");
    const value = text === "" ? NaN : Number(text);
    const valid = value >= 0 && value <= 1;
    viewer.part("hint").textContent = valid ? "" : "Type a number from 0 to 1";
    if (valid) viewer.setThreshold(Math.round(value * STEPS));
    return valid;
  };
  const finish = () => {
    if (!viewer.typing) return;
    viewer.typing = false;
    if (read()) viewer.commit();
    field.value = (viewer.threshold / STEPS).toFixed(3);
  };
  on(field, "focus", () => field.select());
  on(field, "input", () => {
    viewer.typing = true;
    viewer.part("hint").textContent = "";
  });
  on(field, "blur", finish);
  on(field, "keydown", (event) => {
    if (event.key === "Enter") {
      finish();
      field.select();
    }
    if (event.key === "Escape") {
      viewer.typing = false;
      viewer.part("hint").textContent = "";
      field.value = (viewer.threshold / STEPS).toFixed(3);
    }
  });
}
