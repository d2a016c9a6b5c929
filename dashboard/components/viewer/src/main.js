// What Streamlit calls to mount the threshold viewer.

import { mount } from "../../shared/mounted.js";
import { hook } from "./hook.js";
import { Viewer } from "./viewer.js";

export default (component) => mount(component, Viewer, hook);
