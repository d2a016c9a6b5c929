// What Streamlit calls to mount the board of the page Threshold.

import { mount } from "../../shared/mounted.js";
import { hook } from "./hook.js";
import { Board } from "./board.js";

/** @param {import("../../shared/mounted.js").Component} component */
export default (component) => mount(component, Board, hook);
