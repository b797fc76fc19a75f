// A picture is on this side, decoded and of the right size before its trial begins.

const TRIES = 4;

async function load(trial) {
  const reply = await fetch(trial.image, { cache: "no-store" });
  if (!reply.ok) throw new Error(`picture ${reply.status}`);
  const bitmap = await createImageBitmap(await reply.blob());
  if (bitmap.width !== trial.width || bitmap.height !== trial.height) {
    throw new Error("picture of another size");
  }
  return bitmap;
}

export async function preload(trial, failed) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await load(trial);
    } catch (error) {
      failed();
      if (attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * attempt));
    }
  }
}
