// What the live widgets add to the look of all widgets.

export const LIVE_STYLE = `
.columns { display: grid; grid-template-columns: minmax(0, 17rem) minmax(0, 1fr); gap: 1.25rem 1.75rem; margin-top: 1rem; }
@container (max-width: 34rem) { .columns { grid-template-columns: minmax(0, 1fr); } }
.start { margin-top: 0.9rem; }
.start button { font-weight: 600; border-color: var(--writes); }
.preview { margin-top: 1rem; }
.preview ::slotted(.widget-note) { display: none; }
.card.over { outline: 3px dashed var(--writes); outline-offset: -6px; }
.card[data-scheme="dark"] { color-scheme: dark; }
[hidden] { display: none !important; }

/* A picture, with the map of a class over it */
.frame { position: relative; width: 100%; max-width: 17rem; aspect-ratio: 1; border-radius: 4px; overflow: hidden; background: var(--faint); }
.frame canvas { position: absolute; inset: 0; width: 100%; height: 100%; border-radius: 0; }
.exact { image-rendering: pixelated; }
.frame canvas.drawing { touch-action: none; cursor: crosshair; }
.frame:has(canvas.drawing:focus-visible) { outline: 3px solid var(--writes); outline-offset: 2px; }

/* Many small things to choose one of */
.chooser { display: flex; flex-wrap: wrap; gap: 4px; margin-top: 0.6rem; }
.chooser label { position: relative; cursor: pointer; }
.chooser input { position: absolute; opacity: 0; inset: 0; margin: 0; cursor: pointer; }
.chooser canvas, .chooser .colour { display: block; width: 2.25rem; height: 2.25rem; border-radius: 3px; border: 1px solid var(--line); }
.chooser input:checked + * { outline: 3px solid var(--writes); outline-offset: -1px; }
.chooser input:focus-visible + * { outline: 3px solid var(--writes); outline-offset: 2px; }
.file { position: relative; display: inline-block; }
.file input { position: absolute; inset: 0; width: 100%; opacity: 0; cursor: pointer; font-size: 0; }
.file span {
  display: block; font-size: 0.92rem; line-height: 1.35; border: 1px solid var(--edge); border-radius: 6px;
  padding: 0.4rem 0.7rem; min-height: 2.25rem;
}
.file:hover span { background: var(--faint); }
.file input:focus-visible + span { outline: 3px solid var(--writes); outline-offset: 2px; }

/* Scores */
.scores { display: grid; grid-template-columns: minmax(0, max-content) minmax(3rem, 1fr) max-content; gap: 2px 0.6rem; margin: 0.35rem 0 0; padding: 0; list-style: none; }
.scores li, .scores button { display: grid; grid-column: 1 / -1; grid-template-columns: subgrid; align-items: center; }
.scores button { width: 100%; min-height: 1.75rem; padding: 0.1rem 0.5rem; border-color: transparent; text-align: left; line-height: 1.25; }
.scores button[aria-pressed="true"] { border-color: var(--writes); }
.scores .bar { height: 0.7rem; border-radius: 2px; background: var(--faint); overflow: hidden; }
.scores .bar span { display: block; height: 100%; background: var(--edge); border-radius: 2px; }
.scores .best .bar span { background: var(--writes); }
.scores .best .name { font-weight: 600; }
.scores .share { text-align: right; font-variant-numeric: tabular-nums; }

/* The maps of all layers; the lens stays in sight while they are scrolled */
.heading { font-weight: 600; margin-top: 1.6rem; }
.layers { display: grid; grid-template-columns: minmax(0, 12rem) minmax(0, 1fr); gap: 1rem 1.75rem; margin-top: 0.8rem; }
.lens { position: sticky; top: 4.5rem; align-self: start; display: grid; gap: 0.6rem; background: var(--paper); z-index: 1; }
.lens canvas { width: 100%; height: auto; }
.lens .slide { max-width: none; }
.lens .controls { display: grid; gap: 0.4rem; }
.layers details + details { margin-top: 0.9rem; }
.layers summary { font-size: 0.85rem; color: var(--muted); padding-block: 0.2rem; margin-bottom: 0.2rem; cursor: pointer; border-radius: 3px; }
.layers summary b { color: var(--ink); font-weight: 600; }
.layers .map { cursor: pointer; max-width: none; border-radius: 0; }
@container (max-width: 34rem) {
  .layers { grid-template-columns: minmax(0, 1fr); }
  .readout { min-height: 3em; }
  .lens { grid-template-columns: minmax(0, 6.5rem) minmax(0, 1fr); top: 3.5rem; padding: 0.4rem 0 0.6rem; border-bottom: 1px solid var(--line); }
  .lens .controls { gap: 0.2rem; }
}
.about { margin-top: 1.4rem; }
`;
