// Time by the display's own frames: onset and offset are the time stamps of the frames in which
// the picture was drawn and was covered; nothing is counted, and no timer is trusted.

import { Watch } from "./watch.js";

export const nextFrame = () => new Promise((resolve) => requestAnimationFrame(resolve));

export async function wait(ms) {
  const start = await nextFrame();
  let stamp = start;
  while (stamp - start < ms) stamp = await nextFrame();
  return stamp;
}

export class Refresh {
  constructor() {
    this.periods = [];
  }

  async measure(count = 20) {
    let last = await nextFrame();
    for (let n = 0; n < count; n += 1) {
      const stamp = await nextFrame();
      this.periods.push(stamp - last);
      last = stamp;
    }
  }

  get period() {
    const sorted = [...this.periods].sort((a, b) => a - b);
    return Math.max(0.5, Math.min(1000, sorted[Math.floor(sorted.length / 2)]));
  }
}

// Shows the picture for `ms`, then the mask. `onset` is called once the picture is drawn.
export async function expose({ stage, bitmap, ms, period, onset }) {
  const watch = new Watch();
  const on = await nextFrame();
  stage.picture(bitmap);
  onset();
  let [last, stamp, missed] = [on, on, 0];
  // The frame nearest to the requested end, not the first one after it.
  while (stamp - on < ms - period / 2) {
    stamp = await nextFrame();
    missed += Math.max(0, Math.round((stamp - last) / period) - 1);
    last = stamp;
  }
  stage.covered();
  return { on, off: stamp, exposure_ms: stamp - on, frames_dropped: missed, ...watch.stop() };
}
