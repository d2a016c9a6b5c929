// Buttons that set window and level to what a reader calls by name.

/** @typedef {{ name: string, title: string, center: number, width: number }} Preset */

/** The window that a file was opened with stands among the presets by this name. */
export const AS_OPENED = "As opened";

/**
 * A preset with a title that says what it sets.
 * @param {string} name
 * @param {[number, number]} window
 */
export function presetOf(name, [center, width], prefix = "") {
  return { name, center, width, title: `${prefix}center ${center}, width ${width}` };
}

/**
 * Puts a button for each preset into a box; `set` gets center and width.
 * @param {HTMLElement} box
 * @param {Preset[]} presets
 * @param {(center: number, width: number) => void} set
 */
export function showPresets(box, presets, set) {
  box.replaceChildren(
    ...presets.map(({ name, title, center, width }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.title = title;
      button.addEventListener("click", () => set(center, width));
      return button;
    }),
  );
}
