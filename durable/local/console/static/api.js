// Calls of the server: answers as JSON, problems as errors that say what is wrong, and whether the server is there.

export class Refused extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? `The server answered ${status}.`);
    this.status = status;
    this.fields = problem?.errors ?? [];
  }
}

export class Gone extends Error {}

const listeners = new Set();
let there = true;

export function onLink(listener) {
  listeners.add(listener);
}

function tell(now) {
  if (now === there) return;
  there = now;
  for (const each of listeners) each(there);
}

/** Call with a body as JSON, or without one. */
export function call(method, path, body, signal) {
  return body === undefined ? send(method, path, undefined, signal)
    : send(method, path, new Blob([JSON.stringify(body)], { type: "application/json" }), signal);
}

/** Call with a body as it is. */
export async function send(method, path, body, signal) {
  let answer;
  try {
    answer = await fetch(path, { method, signal, cache: "no-store", body });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    tell(false);
    throw new Gone("The server does not answer.");
  }
  tell(true);
  const text = await answer.text();
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    value = { detail: "The server answered with something that is no JSON." };
  }
  if (!answer.ok) throw new Refused(answer.status, value);
  return value;
}

const encode = encodeURIComponent;

export const get = (path, signal) => call("GET", path, undefined, signal);
export const instances = (workflow) => `/api/workflows/${encode(workflow)}/instances`;
export const instance = (workflow, id) => `${instances(workflow)}/${encode(id)}`;

export function query(parameters) {
  const kept = Object.entries(parameters).filter(([, value]) => value);
  return kept.length ? `?${new URLSearchParams(kept)}` : "";
}

/**
 * Ask again and again until the signal says stop: `ask` returns the milliseconds until the next time.
 * Nothing is asked while nobody looks, and a server that is gone is asked once a second.
 */
export async function poll(signal, ask) {
  while (!signal.aborted) {
    let pause = 1000;
    if (!document.hidden) {
      try {
        pause = await ask();
      } catch (error) {
        if (signal.aborted || error.name === "AbortError") return;
        if (!(error instanceof Gone)) throw error;
      }
    }
    await new Promise((done) => {
      const timer = setTimeout(done, pause);
      signal.addEventListener("abort", () => { clearTimeout(timer); done(); }, { once: true });
    });
  }
}
