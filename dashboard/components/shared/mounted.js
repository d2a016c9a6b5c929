// What every viewer is: an element that Streamlit mounts, its parts, its words and its clock.

const LATENCIES_KEPT = 2000;

/**
 * @param {Element} element
 * @param {string} text
 */
export function writeText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Listens until the viewer is closed.
 * @typedef {{
 *   <K extends keyof HTMLElementEventMap>(target: EventTarget, type: K,
 *     act: (event: HTMLElementEventMap[K]) => unknown, options?: AddEventListenerOptions): void,
 *   (target: EventTarget, type: string, act: (event: any) => unknown, options?: AddEventListenerOptions): void,
 * }} On
 */

/** @typedef {(name: string, value: object) => void} Send how Python is reported of a choice */

/**
 * What Streamlit hands to a component.
 * @typedef {{ parentElement: HTMLElement, data: any, setStateValue: Send }} Component
 */

/** @typedef {HTMLElement & { viewer?: any, __isoline?: object }} Root */

export class Mounted {
  /** @param {Root} root */
  constructor(root) {
    this.root = root;
    /** @type {Map<string, HTMLElement>} */
    this.parts = new Map();
    /** @type {number[]} */
    this.latencies = [];
    this.paintedAt = 0;
    /** @type {number | null} */
    this.pendingInput = null;
    this.listening = new AbortController();
    /** @type {On} */
    this.on = (
      /** @type {EventTarget} */ target,
      /** @type {string} */ type,
      /** @type {(event: any) => unknown} */ act,
      /** @type {AddEventListenerOptions | undefined} */ options,
    ) => target.addEventListener(type, act, { passive: false, signal: this.listening.signal, ...options });
  }

  /**
   * The element with attribute data-<name>, or with data-<name>="<value>".
   * @param {string} name
   * @param {string} [value]
   */
  part(name, value) {
    const selector = value === undefined ? `[data-${name}]` : `[data-${name}="${value}"]`;
    const known = this.parts.get(selector);
    if (known?.isConnected) return known;
    const found = /** @type {HTMLElement} */ (this.root.querySelector(selector));
    this.parts.set(selector, found);
    return found;
  }

  /** @param {string} name */
  canvas(name) {
    return /** @type {HTMLCanvasElement} */ (this.part("canvas", name));
  }

  /**
   * @param {string} name
   * @param {string} [value]
   */
  field(name, value) {
    return /** @type {HTMLInputElement} */ (this.part(name, value));
  }

  /** @param {string} action */
  button(action) {
    return /** @type {HTMLButtonElement} */ (this.part("action", action));
  }

  /**
   * What a button or key does, by name; each viewer has its own.
   * @param {string} _action
   */
  act(_action) {}

  /**
   * All elements that a selector matches.
   * @param {string} selector
   * @returns {NodeListOf<HTMLElement>}
   */
  elements(selector) {
    return this.root.querySelectorAll(selector);
  }

  /** What has the focus in the document or shadow root that the viewer is in. */
  get activeElement() {
    return /** @type {Document | ShadowRoot} */ (this.root.getRootNode()).activeElement;
  }

  listenToButtons() {
    for (const button of this.elements("[data-action]")) {
      this.on(button, "click", () => this.act(button.dataset.action ?? ""));
    }
  }

  /** @param {string} text */
  say(text) {
    const message = this.part("message");
    writeText(message, text);
    message.hidden = text === "";
  }

  /** @returns {Promise<void>} */
  async toggleFull() {
    if (document.fullscreenElement) return void document.exitFullscreen();
    if (this.root.classList.contains("full")) return void this.root.classList.remove("full");
    // Phones and embedded pages may refuse; then the viewer covers the page by itself.
    await this.root.requestFullscreen().catch(() => this.root.classList.add("full"));
  }

  /** From the oldest unpainted input to the first task after its frame. */
  noteLatency() {
    const input = this.pendingInput;
    this.pendingInput = null;
    const channel = new MessageChannel();
    channel.port1.onmessage = () => {
      this.paintedAt = performance.now();
      if (input === null) return;
      this.latencies.push(this.paintedAt - input);
      if (this.latencies.length > LATENCIES_KEPT) this.latencies.shift();
    };
    channel.port2.postMessage(null);
  }

  /** Ends all listening; a subclass first keeps what a remount shall find again. */
  close() {
    this.listening.abort();
    delete this.root.__isoline;
  }
}

/**
 * What a component does when Streamlit calls it: the viewer that is there, or a new one, receives.
 * `hook` makes what tests and benchmarks may ask, at root.__isoline.
 * @param {Component} component
 * @param {new (root: Root) => any} Kind
 * @param {(viewer: any) => object} hook
 */
export function mount(component, Kind, hook) {
  const root = /** @type {Root} */ (component.parentElement.querySelector(".isoline"));
  const viewer = (root.viewer ??= new Kind(root));
  root.__isoline ??= hook(viewer);
  // Streamlit may tidy an overtaken call after a newer one: only the newest may close.
  const call = (viewer.call = Symbol());
  viewer.receive(component.data, component.setStateValue);
  return () => {
    if (viewer.call !== call) return;
    viewer.close();
    delete root.viewer;
  };
}
