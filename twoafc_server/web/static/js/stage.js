// The canvas: one canvas pixel per image pixel, shown at a whole multiple of CSS pixels, so that
// the browser never resamples a picture.

const MASK_BLOCK = 4;

export class Stage {
  constructor(canvas, room) {
    this.canvas = canvas;
    this.room = room;
    this.context = canvas.getContext("2d", { alpha: false });
    this.context.imageSmoothingEnabled = false;
    this.zoom = 1;
  }

  fit(trial) {
    const { width, height } = this.room.getBoundingClientRect();
    const largest = Math.floor(Math.min(width / trial.width, height / trial.height));
    this.zoom = Math.max(1, Math.min(trial.max_zoom, largest));
    if (this.canvas.width !== trial.width || this.canvas.height !== trial.height) {
      this.canvas.width = trial.width;
      this.canvas.height = trial.height;
    }
    this.canvas.style.width = `${trial.width * this.zoom}px`;
    this.canvas.style.height = `${trial.height * this.zoom}px`;
    this.gray = `rgb(${trial.background} ${trial.background} ${trial.background})`;
    this.mask = makeMask(trial);
  }

  clear() {
    this.context.fillStyle = this.gray;
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
  }

  fixation() {
    this.clear();
    const [x, y] = [Math.floor(this.canvas.width / 2), Math.floor(this.canvas.height / 2)];
    this.context.fillStyle = "#111";
    this.context.fillRect(x - 8, y - 1, 16, 2);
    this.context.fillRect(x - 1, y - 8, 2, 16);
  }

  picture(bitmap) {
    this.context.drawImage(bitmap, 0, 0);
  }

  covered() {
    this.clear();
    this.context.drawImage(this.mask, 0, 0);
  }

  frames(trial) {
    this.clear();
    this.context.strokeStyle = "#5f5f5f";
    for (const [x, y, width, height] of trial.panels) {
      this.context.strokeRect(x + 0.5, y + 0.5, width - 1, height - 1);
    }
  }
}

// Coloured noise over every panel, made before the trial so that drawing it costs nothing.
function makeMask(trial) {
  const mask = document.createElement("canvas");
  mask.width = trial.width;
  mask.height = trial.height;
  const context = mask.getContext("2d");
  const level = () => Math.floor(Math.random() * 256);
  for (const [x0, y0, width, height] of trial.panels) {
    for (let y = 0; y < height; y += MASK_BLOCK) {
      for (let x = 0; x < width; x += MASK_BLOCK) {
        context.fillStyle = `rgb(${level()} ${level()} ${level()})`;
        context.fillRect(x0 + x, y0 + y, Math.min(MASK_BLOCK, width - x), Math.min(MASK_BLOCK, height - y));
      }
    }
  }
  return mask;
}
