// The timed part: asks for a trial, shows it, sends the answer, until the server says it is over.

import { Answers } from "./answer.js";
import { expose, nextFrame, Refresh, wait } from "./exposure.js";
import { preload } from "./preload.js";
import { here, keptAnswer, last, leaveTo, Refusal, send, sendAnswer } from "./server.js";
import { Stage } from "./stage.js";

const at = (id) => document.getElementById(id);
const words = at("main").dataset;
const stage = new Stage(at("canvas"), at("stage"));
const answers = new Answers(at("left"), at("right"));
const refresh = new Refresh();
const link = {
  lost: () => { at("message").textContent = words.offline; },
  found: () => { at("message").textContent = ""; report("reconnected"); },
};
let token;
let interrupted = true;

function report(kind) {
  const body = { uuid: crypto.randomUUID(), kind, at_ms: performance.now() };
  if (token) body.token = token;
  // The ledger must never hold up a trial.
  send("event", body, { keepalive: true }).catch(() => {});
}

function watchPage() {
  document.addEventListener("visibilitychange", () => {
    interrupted ||= document.hidden;
    report(document.hidden ? "hidden" : "visible");
  });
  window.addEventListener("blur", () => { interrupted = true; report("blurred"); });
  window.addEventListener("focus", () => report("focused"));
  window.addEventListener("resize", () => report("resized"));
}

// Somebody who was away, or has just come, says when to go on.
function ready(text) {
  at("ready-text").textContent = [text, words.readyHint].filter(Boolean).join(" ");
  at("ready").hidden = false;
  at("start").focus();
  return new Promise((resolve) => {
    const done = (event) => {
      if (event.type === "keydown" && event.code !== "Space") return;
      event.preventDefault();
      window.removeEventListener("keydown", done);
      at("start").removeEventListener("click", done);
      at("start").blur();
      at("ready").hidden = true;
      interrupted = false;
      report("ready");
      resolve();
    };
    window.addEventListener("keydown", done);
    at("start").addEventListener("click", done);
  });
}

function question(text, alert) {
  at("question").textContent = text;
  at("question").classList.toggle("alert", alert);
}

async function show(trial, bitmap) {
  const uuid = crypto.randomUUID();
  stage.fixation();
  answers.begin();
  await wait(trial.fixation_ms);
  const shown = await expose({
    stage,
    bitmap,
    ms: trial.exposure_ms,
    period: refresh.period,
    onset: () => send("onset", { token, uuid }, { keepalive: true }).catch(() => {}),
  });
  const early = answers.early;
  question(trial.ask, trial.ask !== trial.question);
  const answered = answers.next();
  await wait(trial.mask_ms);
  stage.frames(trial);
  const given = await answered;
  return { uuid, shown, early, given };
}

function measured({ uuid, shown, early, given }) {
  return {
    token,
    uuid,
    chose: given.chose,
    input: given.input,
    rt_ms: Math.max(0, given.stamp - shown.off),
    exposure_ms: shown.exposure_ms,
    frame_ms: refresh.period,
    frames_dropped: shown.frames_dropped,
    hidden_ms: shown.hidden_ms,
    blurred_ms: shown.blurred_ms,
    early_presses: early,
    viewport_width: window.innerWidth,
    viewport_height: window.innerHeight,
    pixel_ratio: window.devicePixelRatio,
    zoom: stage.zoom,
  };
}

async function feedback(trial, reply) {
  at("message").textContent = reply.right ? words.rightAnswer : words.wrongAnswer;
  await wait(trial.feedback_ms);
  at("message").textContent = "";
}

async function one(trial, text) {
  token = trial.token;
  at("progress").textContent = trial.progress;
  question(trial.question, false);
  stage.fit(trial);
  stage.clear();
  at("canvas").setAttribute("aria-label", trial.question);
  const bitmap = await preload(trial, () => report("load_failed"), link);
  if (interrupted || text) await ready(text);
  const done = await show(trial, bitmap);
  bitmap.close();
  const reply = await sendAnswer(measured(done), { keepalive: true, ...link });
  if (trial.practice) await feedback(trial, reply);
  return reply.next;
}

// What the page before this one could not deliver comes first.
async function deliver() {
  const kept = keptAnswer();
  if (!kept) return undefined;
  try {
    return (await sendAnswer({ ...kept, sends: 1 }, link)).next;
  } catch (error) {
    // Of another session, or of a trial that is over.
    if (error instanceof Refusal && error.status !== 401) return undefined;
    throw error;
  }
}

async function run() {
  watchPage();
  await refresh.measure();
  report("loaded");
  let practiced = false;
  let next = await deliver();
  token = last;
  for (;;) {
    // The reply to an answer brings the trial that follows, unless it came too late for that.
    const trial = next ?? await send("next", { after: token ?? "" }, link);
    if (trial.state === "over") return leaveTo(trial.go);
    next = await one(trial, practiced && !trial.practice ? words.practiceOver : "");
    practiced = trial.practice;
    await nextFrame();
  }
}

// Nothing that the page can do: the study is over, or goes on in another window.
function stop(error) {
  if (error instanceof Refusal && error.status === 401) {
    at("message").textContent = words.moved;
  } else {
    leaveTo(here);
  }
}

run().catch(stop);
