// What Streamlit calls to mount the volume viewer.

import { mount } from "../../shared/mounted.js";
import { volumeHook } from "./hook.js";
import { VolumeViewer } from "./volume.js";

/** @param {import("../../shared/mounted.js").Component} component */
export default (component) => mount(component, VolumeViewer, volumeHook);
