// The look of the widgets. Colours come from the theme of the site, or of Jupyter, or are our own.

export const STYLE = `
:host { display: block; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.on-paper { display: none; }
@media print {
  .on-paper { display: block; }
  .off-paper, button { display: none; }
}
.card {
  --ink: var(--pst-color-text-base, var(--jp-ui-font-color1, #22272e));
  --muted: var(--pst-color-text-muted, var(--jp-ui-font-color2, #4f5866));
  --paper: var(--pst-color-background, var(--jp-layout-color1, #fff));
  --line: color-mix(in srgb, var(--ink) 24%, var(--paper));
  --faint: color-mix(in srgb, var(--ink) 6%, var(--paper));
  --edge: color-mix(in srgb, var(--ink) 55%, var(--paper)); /* of controls: 3 to 1 */
  --reads: #b84300;   /* what is read: the window */
  --writes: #005f9e;  /* what is written: the output cell; what is chosen */
  --good: #0b6b43;
  --bad: #a8231c;
  --series-1: #0072b2; --series-2: #c14d00; --series-3: #00805d;
  --series-4: #aa4499; --series-5: #6b6b00; --series-6: #5b5bd6;
  container-type: inline-size;
  color: var(--ink);
  background: var(--paper);
  border: 1px solid var(--line);
  border-radius: 10px;
  padding: 1rem 1.25rem 1.15rem;
  font: inherit;
  font-size: 1rem;
  line-height: 1.5;
  text-align: left;
}
.card[data-scheme="dark"] {
  --reads: #ffa25e; --writes: #74bbff; --good: #58cc96; --bad: #ff968c;
  --series-1: #63b8f2; --series-2: #ff9f5c; --series-3: #3fd0a0;
  --series-4: #e695d6; --series-5: #d3d35a; --series-6: #a9a9ff;
}
p { margin: 0; }
.title { font-weight: 600; }
.hint, .note { color: var(--muted); font-size: 0.88rem; max-width: 44rem; }
.row { display: flex; flex-wrap: wrap; gap: 0.75rem 1.25rem; align-items: flex-end; margin-top: 0.9rem; }
.row.middle { align-items: center; }
.row .row { margin-top: 0; gap: 0.6rem; }

/* Controls */
.field { display: flex; flex-direction: column; gap: 0.2rem; min-width: 0; }
.field > label, .field > span:first-child, .head { font-size: 0.82rem; color: var(--muted); line-height: 1.3; }
.head { display: flex; justify-content: space-between; gap: 0.75rem; }
.value { color: var(--ink); font-variant-numeric: tabular-nums; white-space: nowrap; }
button, select, input[type="text"], input[type="number"], .pills span {
  font: inherit; font-size: 0.92rem; line-height: 1.35; color: var(--ink); background: var(--paper);
  border: 1px solid var(--edge); border-radius: 6px; padding: 0.35rem 0.7rem; min-height: 2.25rem;
  max-width: 100%;
}
select { padding-right: 0.4rem; }
button { cursor: pointer; }
button:hover:not(:disabled), select:hover { background: var(--faint); }
button:disabled { color: var(--muted); border-color: var(--line); cursor: default; }
button[aria-pressed="true"] { border-color: var(--writes); box-shadow: inset 0 0 0 1px var(--writes); }
.pills { display: flex; flex-wrap: wrap; row-gap: 0.25rem; }
.pills label { position: relative; cursor: pointer; }
.pills input { position: absolute; opacity: 0; inset: 0; margin: 0; cursor: pointer; }
.pills span { display: block; border-radius: 0; margin-left: -1px; white-space: nowrap; }
.pills label:first-child span { border-radius: 6px 0 0 6px; margin-left: 0; }
.pills label:last-child span { border-radius: 0 6px 6px 0; }
.pills input:checked + span {
  color: var(--paper); background: var(--writes); border-color: var(--writes);
}
.tick { display: flex; gap: 0.5rem; align-items: center; min-height: 2.25rem; font-size: 0.92rem; cursor: pointer; }
.tick input { width: 1.15rem; height: 1.15rem; margin: 0; flex: none; accent-color: var(--writes); }
input[type="range"] { width: 100%; min-width: 9rem; height: 1.75rem; margin: 0; accent-color: var(--writes); cursor: pointer; }
.slide { flex: 1 1 10rem; max-width: 18rem; }
:focus-visible, .pills input:focus-visible + span { outline: 3px solid var(--writes); outline-offset: 2px; }

/* What is said */
.readout { margin-top: 0.9rem; min-height: 1.5em; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
.problem { color: var(--bad); margin-top: 0.75rem; }
.problem:empty, .readout:empty { margin: 0; min-height: 0; }
.credit { color: var(--muted); font-size: 0.82rem; margin-top: 0.6rem; }
.hidden {
  position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap;
}

/* Grids of numbers */
.grids { --cell: min(2.6rem, 100cqi / var(--most)); display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; align-items: flex-start; margin-top: 1rem; }
.grids figure { margin: 0; min-width: 0; }
.grids figcaption { font-size: 0.82rem; color: var(--muted); margin-bottom: 0.3rem; }
.grid { display: inline-grid; grid-template-columns: repeat(var(--columns), var(--cell)); border: solid var(--line); border-width: 1px 0 0 1px; }
.grid [role="row"] { display: contents; }
.cell {
  position: relative; width: var(--cell); height: var(--cell); display: grid; place-items: center;
  border: solid var(--line); border-width: 0 1px 1px 0; font-variant-numeric: tabular-nums;
  font-size: min(1rem, 0.42 * var(--cell)); line-height: 1; color: var(--ink); user-select: none; -webkit-user-select: none;
}
.cell.pick { cursor: pointer; touch-action: manipulation; }
.cell.long { font-size: min(0.85rem, 0.33 * var(--cell)); }
.cell.outside { color: var(--muted); background: var(--faint); }
.cell.window { background: color-mix(in srgb, var(--reads) 15%, var(--paper)); box-shadow: inset 0 0 0 2px var(--reads); font-weight: 600; z-index: 1; }
.cell.now { background: color-mix(in srgb, var(--writes) 15%, var(--paper)); box-shadow: inset 0 0 0 2px var(--writes); font-weight: 600; z-index: 1; }
.cell:focus-visible, .cell input:focus-visible { outline: 3px solid var(--writes); outline-offset: 1px; z-index: 2; border-radius: 2px; }
.cell input {
  all: unset; box-sizing: border-box; width: 100%; height: 100%; text-align: center; font: inherit;
  font-size: max(1em, 0.75rem); cursor: text;
}
.cell input[aria-invalid="true"] { color: var(--bad); text-decoration: underline wavy; }

/* Pictures and plots */
canvas, .plot { display: block; max-width: 100%; border-radius: 4px; }
.plot text { fill: var(--muted); font-size: 12px; font-family: inherit; }
.plot .axis { stroke: var(--edge); fill: none; }
.plot .rule { stroke: var(--line); fill: none; }

/* Tables */
.table { overflow-x: auto; margin-top: 1rem; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; font-variant-numeric: tabular-nums; }
th { font-weight: 600; text-align: left; color: var(--muted); font-size: 0.82rem; }
th, td { padding: 0.3rem 0.6rem 0.3rem 0; border-bottom: 1px solid var(--line); vertical-align: middle; }
td.n, th.n { text-align: right; }

@container (max-width: 26rem) {
  .row { gap: 0.7rem 0.9rem; }
  .slide { max-width: none; flex-basis: 100%; }
  .grids { --cell: min(2.2rem, 100cqi / var(--most)); gap: 0.75rem 1rem; }
}
@media (max-width: 600px) { .card { padding: 0.85rem 0.8rem 1rem; } }
@media (prefers-reduced-motion: reduce) { * { transition: none !important; animation: none !important; } }
@media print {
  .card { print-color-adjust: exact; -webkit-print-color-adjust: exact; break-inside: avoid; }
  button, input[type="range"], .hint { display: none; }
}
`;
