// How long the page was hidden or without focus while a stretch of time was watched.

class Span {
  constructor(active) {
    this.total = 0;
    this.since = active ? performance.now() : null;
  }

  set(active) {
    if (active && this.since === null) this.since = performance.now();
    if (!active && this.since !== null) {
      this.total += performance.now() - this.since;
      this.since = null;
    }
  }

  read() {
    this.set(false);
    return this.total;
  }
}

export class Watch {
  constructor() {
    this.hidden = new Span(document.hidden);
    this.blurred = new Span(!document.hidden && !document.hasFocus());
    this.visibility = () => this.hidden.set(document.hidden);
    this.blur = () => this.blurred.set(true);
    this.focus = () => this.blurred.set(false);
    document.addEventListener("visibilitychange", this.visibility);
    window.addEventListener("blur", this.blur);
    window.addEventListener("focus", this.focus);
  }

  stop() {
    document.removeEventListener("visibilitychange", this.visibility);
    window.removeEventListener("blur", this.blur);
    window.removeEventListener("focus", this.focus);
    return { hidden_ms: this.hidden.read(), blurred_ms: this.blurred.read() };
  }
}
