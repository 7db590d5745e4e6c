// Hands requests to a worker; where there is none, answers them in the page itself.

import { Session } from "./session.js";

const PATIENCE = 5000; // ms until a worker must have started

export class Engine {
  #worker = null;
  #session = null;
  #waiting = new Map(); // requests without an answer yet
  #asked = 0;

  /** Start a worker if the page may have one: not when it was opened as a file, nor in a notebook. */
  static async start(site) {
    const engine = new Engine();
    const worker = site && !site.opened ? await startWorker(`${site.statics}widgets/live/worker.js`) : null;
    if (worker) engine.#listen(worker);
    else engine.#session = new Session();
    return engine;
  }

  /** Return the answer to a request, or throw what went wrong in words for the reader. */
  async ask(request) {
    if (this.#session) {
      await new Promise((resolve) => setTimeout(resolve)); // let the page draw first
      return this.#session.perform(request);
    }
    return new Promise((resolve, reject) => {
      const id = ++this.#asked;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, request });
    });
  }

  stop() {
    this.#worker?.terminate();
  }

  #listen(worker) {
    this.#worker = worker;
    worker.addEventListener("message", ({ data: { id, result, problem } }) => {
      const { resolve, reject } = this.#waiting.get(id) ?? {};
      this.#waiting.delete(id);
      if (problem === undefined) resolve?.(result);
      else reject?.(new Error(problem));
    });
    worker.addEventListener("error", () => {
      for (const { reject } of this.#waiting.values()) {
        reject(new Error("The computation broke off. Reload the page to start again."));
      }
      this.#waiting.clear();
    });
  }
}

function startWorker(address) {
  return new Promise((resolve) => {
    let worker;
    try {
      worker = new Worker(address, { type: "module" });
    } catch {
      resolve(null);
      return;
    }
    const timer = setTimeout(() => settle(null), PATIENCE);
    const settle = (result) => {
      clearTimeout(timer);
      if (!result) worker.terminate();
      resolve(result);
    };
    worker.addEventListener("message", () => settle(worker), { once: true });
    worker.addEventListener("error", () => settle(null), { once: true });
  });
}

/**
 * Call `work` with the newest arguments, never twice at the same time.
 *
 * While it works, arguments that are overtaken by newer ones are forgotten.
 */
export function latest(work) {
  let next = null;
  let busy = null;
  return (...args) => {
    next = args;
    busy ??= (async () => {
      try {
        while (next) {
          const now = next;
          next = null;
          await work(...now);
        }
      } finally {
        busy = null;
      }
    })();
    return busy;
  };
}
