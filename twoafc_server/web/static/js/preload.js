// A picture is on this side, decoded and of the right size before its trial begins.

import { waitMs } from "./server.js";

const TRIES = 4;

async function load(trial) {
  const reply = await fetch(trial.image, { cache: "no-store" });
  if (reply.status >= 500 || reply.status === 429) return null;
  if (!reply.ok) throw new Error(`picture ${reply.status}`);
  const bitmap = await createImageBitmap(await reply.blob());
  if (bitmap.width !== trial.width || bitmap.height !== trial.height) {
    throw new Error("picture of another size");
  }
  return bitmap;
}

// A server or a connection that is away is waited for; a picture that is wrong is not.
export async function preload(trial, failed, { lost, found }) {
  let wrong = 0;
  for (let attempt = 0; ; attempt += 1) {
    try {
      const bitmap = await load(trial);
      if (bitmap) {
        if (attempt > 0) found();
        return bitmap;
      }
    } catch (error) {
      failed();
      wrong += error instanceof TypeError ? 0 : 1;
      if (wrong === TRIES) throw error;
    }
    lost();
    await new Promise((resolve) => setTimeout(resolve, waitMs(attempt)));
  }
}
