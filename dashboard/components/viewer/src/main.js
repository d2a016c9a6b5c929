// What Streamlit calls to mount the threshold viewer.

import { mount } from "../../shared/mounted.js";
import { hook } from "./hook.js";
import { Viewer } from "./viewer.js";

/** @param {import("../../shared/mounted.js").Component} component */
export default (component) => mount(component, Viewer, hook);
