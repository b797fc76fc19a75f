// Talking to the server. Every write carries a uuid and can be sent again without harm, so a lost
// connection is met with waiting and repeating.

const csrf = document.querySelector("meta[name=csrf-token]").content;
const pages = document.getElementById("main").dataset;
const WAITS_MS = [500, 1000, 2000, 4000, 8000, 15000];

export class Refusal extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function once(url, body, keepalive) {
  const reply = await fetch(url, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": csrf },
    body: JSON.stringify(body),
    cache: "no-store",
    keepalive,
  });
  if (reply.status >= 500 || reply.status === 429) throw new TypeError("unavailable");
  const table = await reply.json();
  if (!reply.ok) throw new Refusal(reply.status, table.error);
  return table;
}

// Sends until there is an answer. `lost` and `found` tell the page about the connection.
export async function send(kind, body = {}, { keepalive = false, lost, found } = {}) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      const table = await once(pages[kind], body, keepalive);
      if (attempt > 0 && found) found();
      return table;
    } catch (error) {
      if (error instanceof Refusal) throw error;
      if (lost) lost();
      await pause(WAITS_MS[Math.min(attempt, WAITS_MS.length - 1)]);
    }
  }
}

export function leaveTo(url) {
  window.location.replace(url);
}

export const here = pages.here;
