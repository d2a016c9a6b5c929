// What Streamlit calls to mount the comparison of models.

import { mount } from "../../shared/mounted.js";
import { compareHook } from "./hook.js";
import { Comparison } from "./compare.js";

/** @param {import("../../shared/mounted.js").Component} component */
export default (component) => mount(component, Comparison, compareHook);
