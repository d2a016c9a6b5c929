// What every viewer is: an element that Streamlit mounts, its parts, its words and its clock.

const LATENCIES_KEPT = 2000;

export function writeText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export class Mounted {
  constructor(root) {
    this.root = root;
    this.parts = new Map();
    this.latencies = [];
    this.paintedAt = 0;
    this.pendingInput = null;
    this.listening = new AbortController();
    this.on = (target, type, act, options) =>
      target.addEventListener(type, act, { passive: false, signal: this.listening.signal, ...options });
  }

  /** The element with attribute data-<name>, or with data-<name>="<value>". */
  part(name, value) {
    const selector = value === undefined ? `[data-${name}]` : `[data-${name}="${value}"]`;
    if (!this.parts.get(selector)?.isConnected) this.parts.set(selector, this.root.querySelector(selector));
    return this.parts.get(selector);
  }

  listenToButtons() {
    for (const button of this.root.querySelectorAll("[data-action]")) {
      this.on(button, "click", () => this.act(button.dataset.action));
    }
  }

  say(text) {
    const message = this.part("message");
    writeText(message, text);
    message.hidden = text === "";
  }

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
 */
export function mount(component, Kind, hook) {
  const root = component.parentElement.querySelector(".isoline");
  const viewer = (root.viewer ??= new Kind(root));
  root.__isoline ??= hook(viewer);
  // Streamlit may clean up an overtaken call after a newer one: only the newest may close.
  const call = (viewer.call = Symbol());
  viewer.receive(component.data, component.setStateValue);
  return () => {
    if (viewer.call !== call) return;
    viewer.close();
    delete root.viewer;
  };
}
