// What Streamlit calls to mount the board of the page Threshold.

import { mount } from "../../shared/mounted.js";
import { hook } from "./hook.js";
import { Board } from "./board.js";

export default (component) => mount(component, Board, hook);
