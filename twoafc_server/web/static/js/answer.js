// Left or right, by key, mouse or finger, and only after the exposure.

const KEYS = { f: "left", arrowleft: "left", j: "right", arrowright: "right" };

export class Answers {
  constructor(left, right) {
    this.buttons = { left, right };
    this.early = 0;
    this.waiting = null;
    window.addEventListener("keydown", (event) => this.key(event));
    for (const [side, button] of Object.entries(this.buttons)) {
      button.addEventListener("click", (event) => this.take(side, "pointer", event.timeStamp));
    }
  }

  key(event) {
    const side = KEYS[event.key.toLowerCase()];
    if (!side || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    if (!event.repeat) this.take(side, "key", event.timeStamp);
  }

  take(side, input, stamp) {
    if (!this.waiting) {
      this.early += 1;
      return;
    }
    const resolve = this.waiting;
    this.waiting = null;
    this.enable(false);
    resolve({ chose: side, input, stamp });
  }

  enable(on) {
    for (const button of Object.values(this.buttons)) button.disabled = !on;
  }

  begin() {
    this.early = 0;
  }

  next() {
    this.enable(true);
    return new Promise((resolve) => { this.waiting = resolve; });
  }
}
