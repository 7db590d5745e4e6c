// Arithmetic on run cards: what the learning-curve explorer shows. No DOM here.

export const MEASURES = {
  accuracy: { label: "accuracy", own: "accuracy", other: "val_accuracy" },
  loss: { label: "loss", own: "loss", other: "val_loss" },
  learning_rate: { label: "learning rate", own: "learning_rate", other: null },
  seconds: { label: "seconds for one epoch", own: "seconds", other: null },
};

/** Names of the cards, in their order. */
export function cardsOf(runs) {
  return [...new Set(runs.map(({ card }) => card))];
}

/** What a run is called beside others of its card. */
export function nameOf(run, runs) {
  const alike = runs.filter(({ card, network, note }) => card === run.card && network === run.network && note === run.note);
  const seed = alike.length > 1 ? `, seed ${run.seed}` : "";
  return `${run.network}${seed}${run.note ? `, ${run.note}` : ""}`;
}

/** Where each epoch ends on the axis: its number, or the minutes since the start. */
export function times(run, unit) {
  const n = run.history.loss.length;
  if (unit === "epochs") return Array.from({ length: n }, (_, i) => i + 1);
  let sum = 0;
  return run.history.seconds.map((seconds) => (sum += seconds) / 60);
}

/** The points of a curve; none where the run has no such history. */
export function curve(run, key, unit) {
  const values = run.history[key];
  if (!values) return [];
  return times(run, unit).map((time, i) => [time, values[i]]);
}

/** The range of all curves, a little widened; from 0 for an accuracy up to at most 1. */
export function rangeOf(curves, { log = false, share = false } = {}) {
  const values = curves.flat().map(([, y]) => y).filter((y) => Number.isFinite(y) && (!log || y > 0));
  if (values.length === 0) return log ? [0.1, 1] : [0, 1];
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (log) return [low / 1.1, high * 1.1];
  const air = (high - low || Math.abs(high) || 1) * 0.05;
  [low, high] = [low - air, high + air];
  if (share) [low, high] = [Math.max(low, 0), Math.min(high, 1)];
  else if (low < 0 && Math.min(...values) >= 0) low = 0;
  return [low, high];
}

/** The last epoch that had ended at a time; the first one before that. */
export function epochAt(run, time, unit) {
  const ends = times(run, unit);
  if (unit === "epochs") return Math.min(Math.max(Math.round(time), 1), ends.length) - 1;
  const later = ends.findIndex((end) => end > time + 1e-9);
  if (later === -1) return ends.length - 1;
  return Math.max(later - 1, 0);
}
