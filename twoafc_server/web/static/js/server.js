// Talking to the server. Every write carries a uuid and can be sent again without harm, so a lost
// connection is met with waiting and repeating.

const csrf = document.querySelector("meta[name=csrf-token]").content;
const pages = document.getElementById("main").dataset;
const [FIRST_MS, LONGEST_MS] = [500, 15000];
const PENDING = "twoafc-answer";

export class Refusal extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

class Unavailable extends Error {
  constructor(seconds) {
    super("unavailable");
    this.ms = 1000 * (Number(seconds) || 0);
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Growing, and never two pages in step: after an outage everybody comes back at once.
export function waitMs(attempt, least = 0) {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** attempt);
  return Math.max(least, longest / 2) + Math.random() * longest / 2;
}

async function once(url, body, keepalive) {
  const reply = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
    body: JSON.stringify(body),
    cache: "no-store",
    keepalive,
  });
  if (reply.status >= 500 || reply.status === 429) {
    throw new Unavailable(reply.headers.get("Retry-After"));
  }
  const table = await reply.json();
  if (!reply.ok) throw new Refusal(reply.status, table.error);
  return table;
}

// Sends until there is an answer. `lost` and `found` tell the page about the connection.
export async function send(kind, body = {}, { keepalive = false, lost, found } = {}) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const table = await once(pages[kind], { ...body, sends: (body.sends ?? 0) + attempt + 1 }, keepalive);
      if (attempt > 0 && found) found();
      return table;
    } catch (error) {
      if (error instanceof Refusal) throw error;
      if (lost) lost();
      await pause(waitMs(attempt, error.ms));
    }
  }
}

// An answer that is on its way outlives the page: it is kept in this tab until the server has it.
export async function sendAnswer(body, options) {
  keep(JSON.stringify(body));
  try {
    return await send("answer", body, options);
  } finally {
    keep(null);
  }
}

// The answer that an earlier load of this page could not deliver; null if there is none.
export function keptAnswer() {
  try {
    return JSON.parse(window.sessionStorage.getItem(PENDING));
  } catch {
    return null;
  }
}

function keep(text) {
  try {
    if (text) window.sessionStorage.setItem(PENDING, text);
    else window.sessionStorage.removeItem(PENDING);
  } catch {
    // A browser that stores nothing sends the answer all the same.
  }
}

export function leaveTo(url) {
  window.location.replace(url);
}

export const here = pages.here;
export const last = pages.after;
