// Runs networks beside the page, so that the page never waits.

import { Session } from "./session.js";

const session = new Session();

addEventListener("message", ({ data: { id, request } }) => {
  try {
    postMessage({ id, result: session.perform(request) });
  } catch (problem) {
    postMessage({ id, problem: problem.message });
  }
});

postMessage({ ready: true });
