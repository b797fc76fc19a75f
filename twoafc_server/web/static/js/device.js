// The device check: does the composite fit at one CSS pixel per image pixel, how fast is the
// display, and can the browser do what the timed part needs?

const check = document.getElementById("check");
const state = document.getElementById("state");
const form = document.getElementById("measured");
const buttons = { go: document.getElementById("go"), again: document.getElementById("again") };
const giveUp = document.getElementById("give-up");
// Question, answers and margins around the stage, in CSS pixels.
const SURROUND = { width: 32, height: 190 };

function frames(count) {
  return new Promise((resolve) => {
    const stamps = [];
    const step = (stamp) => {
      stamps.push(stamp);
      if (stamps.length < count) requestAnimationFrame(step);
      else resolve(stamps);
    };
    requestAnimationFrame(step);
  });
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

async function refreshPeriod() {
  const stamps = await frames(41);
  return median(stamps.slice(1).map((stamp, n) => stamp - stamps[n]));
}

function able() {
  return typeof createImageBitmap === "function" && typeof fetch === "function"
    && typeof crypto.randomUUID === "function"
    && Boolean(document.createElement("canvas").getContext("2d"));
}

function show(kind) {
  state.textContent = state.dataset[kind];
  state.className = `state ${{ fits: "good", measuring: "" }[kind] ?? "bad"}`;
  buttons.go.hidden = kind !== "fits";
  buttons.again.hidden = kind === "fits" || kind === "measuring";
  giveUp.hidden = buttons.again.hidden;
}

function fits() {
  return window.innerWidth >= Number(check.dataset.width) + SURROUND.width
    && window.innerHeight >= Number(check.dataset.height) + SURROUND.height;
}

function fill(period) {
  const values = {
    viewport_width: window.innerWidth,
    viewport_height: window.innerHeight,
    screen_width: window.screen.width,
    screen_height: window.screen.height,
    pixel_ratio: window.devicePixelRatio,
    refresh_hz: Math.min(2000, 1000 / period),
    touch: window.matchMedia("(pointer: coarse)").matches ? 1 : 0,
  };
  for (const [name, value] of Object.entries(values)) form.elements[name].value = value;
}

async function run() {
  show("measuring");
  if (!able()) return show("unable");
  if (!fits()) return show("small");
  const period = await refreshPeriod();
  if (1000 / period < Number(check.dataset.hertz)) return show("slow");
  fill(period);
  return show("fits");
}

buttons.again.addEventListener("click", run);
run();
