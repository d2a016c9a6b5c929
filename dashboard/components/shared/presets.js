// Buttons that set window and level to what a reader calls by name.

/** The window that a file was opened with stands among the presets by this name. */
export const AS_OPENED = "As opened";

/** A preset with a title that says what it sets. */
export function presetOf(name, [center, width], prefix = "") {
  return { name, center, width, title: `${prefix}center ${center}, width ${width}` };
}

/** Puts a button for each preset into a box; `set` gets center and width. */
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
