// The strain of a detector in time and frequency: whiten it, choose Q and band, find the chirp.

import { colourTable, paint } from "./parts/colours.js";
import { button, card, dropdown, h, pills, problemLine, readout, slider, store, svg, tick } from "./parts/dom.js";
import { Plot, line } from "./parts/plot.js";
import { asSound, bandSpectrum, constantQ, geometric, median, noiseCurve, series, unpack, whiteSigma } from "./parts/signal.js";

const EVENTS = ["GW150914", "GW151012", "GW151226"];
const ROWS = 120;
const [LOWEST, HIGHEST] = [20, 480]; // Hz
const RAISE = 400; // Hz, so that small loudspeakers can play it
const SOUND_RATE = 8192;

export async function render({ model, el, site }) {
  const root = card(el, "Spectrogram of strain", "Two black holes merged close to time 0. Point at the picture, or move with the arrow keys.");
  const option = (name, otherwise) => model.get(name) ?? otherwise;
  let event = EVENTS.includes(model.get("event")) ? model.get("event") : EVENTS[0];
  let low = Math.max(option("low", LOWEST), LOWEST);
  let high = Math.min(option("high", HIGHEST), HIGHEST);
  let data = null; // of the event
  const prepared = new Map(); // strain and noise curve by event and detector
  let shown = null; // what is on the screen
  let at = null; // [seconds, Hz] that is looked at
  let brightest = 25;

  const set = (name) => (value) => {
    store(model, name, value);
    update();
  };
  const events = dropdown("Event", EVENTS.map((name) => [name, name]), event, choose);
  const detector = pills("Detector", [["H1", "H1, Hanford"], ["L1", "L1, Livingston"]], option("detector", "H1"), set("detector"));
  const seconds = pills("Seconds shown", [[0.25, "¼"], [0.5, "½"], [1, "1"], [4, "4"]], option("seconds", 0.5), (value) => set("seconds")(Number(value)));
  const white = tick("Whiten: divide by the noise of the detector", option("whiten", true), set("whiten"));
  const q = slider("Q, cycles in a filter", { min: 3, max: 50, step: 0.5, value: option("q", 12), show: (n) => n.toFixed(1) }, set("q"));
  const lows = slider("Band from", { min: LOWEST, max: 300, step: 5, value: low, show: (f) => `${f} Hz` }, (f) => {
    low = f;
    if (high < low + 40) {
      high = low + 40;
      highs.set(high);
    }
    update();
  });
  const highs = slider("to", { min: 60, max: HIGHEST, step: 5, value: high, show: (f) => `${f} Hz` }, (f) => {
    high = f;
    if (low > high - 40) {
      low = high - 40;
      lows.set(low);
    }
    update();
  });
  const bright = slider("Yellow at energy", { min: 5, max: 60, step: 1, value: brightest }, (value) => {
    brightest = value;
    paintNow();
  });

  const canvas = h("canvas", { class: "energy", "aria-hidden": "true" });
  const map = new Plot({
    label: "Energy in time and frequency. Arrow keys move a cross over it; the energy is read out below.",
    height: 300,
    under: canvas,
    draw: drawCross,
    point: look,
    key: walk,
  });
  const wave = new Plot({ label: "The strain against time.", height: 150, draw: drawWave });
  const legend = h("p", { class: "note" });
  const say = readout();
  const problem = problemLine();
  const credit = h("p", { class: "credit" });
  const mark = h("p", { class: "stand-in" });
  const listen = button("Listen", play);

  root.append(
    h("style", {}, STYLE),
    h("div", { class: "row" }, events, detector, seconds),
    h("div", { class: "row" }, white, q),
    h("div", { class: "row" }, lows, highs, bright),
    mark,
    map.element,
    legend,
    wave.element,
    say,
    h("div", { class: "row middle" }, listen, h("span", { class: "note" }, `The band above, raised by ${RAISE} Hz so that small loudspeakers can play it.`)),
    problem,
    credit,
  );

  async function choose(name) {
    problem.textContent = "";
    try {
      data = model.get(`strain_${name}`) ?? (await site?.data(`strain_${name}`));
      if (!data) throw new Error(`The strain of ${name} is not here.`);
    } catch (error) {
      problem.textContent = error.message;
      events.input.value = event;
      return;
    }
    event = name;
    at = null;
    credit.textContent = `Time 0 is GPS ${data.gps.toFixed(2)}. ${data.credit}. Cut to ${LOWEST}–${HIGHEST} Hz and to 16 bits for this page.`;
    mark.textContent = data.stand_in ? "stand-in, not the real data: simulated strain like that of the event" : "";
    mark.hidden = !data.stand_in;
    update();
  }

  /** The strain of a detector and its noise curve; measured once. */
  function strainOf(name) {
    const key = `${event} ${name}`;
    if (!prepared.has(key)) {
      const { values, scale } = data.strain[name];
      const strain = unpack(values, scale);
      prepared.set(key, { strain, curve: noiseCurve(strain, data.rate, { exclude: data.merger }) });
    }
    return prepared.get(key);
  }

  // --- computing, at most once for each frame of the screen
  let waiting = false;
  function update() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      if (data) compute();
    });
  }

  function compute() {
    const width = option("seconds", 0.5);
    const stretch = width > 1 ? 8 : 4; // seconds that are transformed
    const { strain, curve } = strainOf(option("detector", "H1"));
    const whiten = option("whiten", true);
    const start = data.merger - stretch / 2;
    const spectrum = bandSpectrum(strain, data.rate, { start, seconds: stretch, low, high, curve: whiten ? curve : null, unit: 1e-21 });
    const [from, to] = [-0.75 * width, 0.25 * width];
    const frequencies = geometric(low, high, ROWS).reverse();
    const columns = 400;
    const origin = data.merger - Math.round(start * data.rate) / data.rate; // time 0 in the stretch
    const energies = constantQ(spectrum, { frequencies, q: option("q", 12), from: origin + from, to: origin + to, columns });
    const values = series(spectrum, stretch * data.rate);
    const unit = whiten ? whiteSigma(data.rate) : 1;
    const line = [];
    for (let i = Math.ceil((origin + from) * data.rate); i <= (origin + to) * data.rate; i++) {
      line.push([i / data.rate - origin, values[i] / unit]);
    }
    shown = { spectrum, energies, frequencies, columns, from, to, line, whiten, origin, middle: median(energies) || 1 };
    bright.hidden = !whiten;
    const time = { range: [from, to], label: "time (s)" };
    map.show({ x: time, y: { range: [low, high], label: "frequency (Hz)", log: true } });
    const size = Math.max(...line.map(([, y]) => Math.abs(y))) * 1.05 || 1;
    wave.show({ x: time, y: { range: [-size, size], label: whiten ? "strain (σ of noise)" : "strain (10⁻²¹)" } });
    paintNow();
  }

  function paintNow() {
    if (!shown) return;
    const { energies, columns, whiten, middle } = shown;
    if (canvas.width !== columns || canvas.height !== ROWS) [canvas.width, canvas.height] = [columns, ROWS];
    const context = canvas.getContext("2d");
    const image = context.createImageData(columns, ROWS);
    const pixels = new Uint32Array(image.data.buffer);
    if (whiten) {
      paint(pixels, energies, TABLE, 0, brightest);
      legend.textContent = `Energy in units of the noise: half of all noise lies below 1; dark is 0, yellow ${brightest} and more.`;
    } else {
      const logs = energies.map((energy) => Math.log10(energy / middle + 1e-9));
      const top = Math.max(...logs);
      paint(pixels, logs, TABLE, -1, top);
      legend.textContent = `Without whitening the colours are logarithmic: dark is a tenth of the median energy, yellow ${Math.round(10 ** top).toLocaleString("en-US")} times the median.`;
    }
    context.putImageData(image, 0, 0);
    tell();
  }

  // --- looking at one place
  function energyAt([time, frequency]) {
    const { energies, frequencies, columns, from, to } = shown;
    const column = Math.min(Math.max(Math.floor(((time - from) / (to - from)) * columns), 0), columns - 1);
    const row = frequencies.reduce((best, f, i) => (Math.abs(Math.log(f / frequency)) < Math.abs(Math.log(frequencies[best] / frequency)) ? i : best), 0);
    return energies[row * columns + column];
  }

  function loudest() {
    const { energies, frequencies, columns, from, to } = shown;
    let best = 0;
    energies.forEach((energy, i) => {
      if (energy > energies[best]) best = i;
    });
    return [from + (((best % columns) + 0.5) / columns) * (to - from), frequencies[Math.floor(best / columns)]];
  }

  function look(time, frequency) {
    if (!shown) return;
    at = [Math.min(Math.max(time, shown.from), shown.to), Math.min(Math.max(frequency, low), high)];
    map.refresh();
    tell();
  }

  function walk(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const step = steps[event.key];
    if (!step || !shown) return;
    event.preventDefault();
    const far = event.shiftKey ? 5 : 1;
    const [time, frequency] = at ?? loudest();
    look(time + (far * step[0] * (shown.to - shown.from)) / 100, frequency * (high / low) ** ((far * step[1]) / 60));
  }

  function tell() {
    const place = at ?? loudest();
    const energy = energyAt(place);
    const when = `${place[0].toFixed(3)} s`.replace("-", "−");
    const strength = shown.whiten
      ? `energy ${energy.toFixed(1)}; in Gaussian noise one pixel in ${oneIn(energy)} is as loud`
      : `${(energy / shown.middle).toPrecision(2)} times the median`;
    say.textContent = `${at ? "" : "Loudest: "}${when}, ${place[1].toFixed(0)} Hz: ${strength}.`;
  }

  function drawCross(frame) {
    if (!at) return [];
    const [x, y] = [frame.x(at[0]), frame.y(at[1])];
    const path = `M${x} ${frame.top}V${frame.bottom}M${frame.left} ${y}H${frame.right}`;
    return [svg("path", { class: "cross under", d: path }), svg("path", { class: "cross", d: path })];
  }

  function drawWave(frame) {
    const zero = frame.x(0);
    return [
      svg("path", { class: "axis", d: `M${zero} ${frame.top}V${frame.bottom}`, "stroke-dasharray": "2 3" }),
      line(shown.line, frame, { style: "stroke: var(--series-1)", "stroke-width": 1.4 }),
    ];
  }

  // --- sound
  let sounding = null;
  function play() {
    if (sounding) {
      sounding.stop();
      return;
    }
    if (!shown) return;
    const width = Math.max(shown.to - shown.from, 1);
    const sound = asSound(shown.spectrum, RAISE, SOUND_RATE);
    const first = Math.round((shown.origin - 0.75 * width) * SOUND_RATE);
    const cut = sound.subarray(Math.max(first, 0), first + Math.round(width * SOUND_RATE));
    const peak = cut.reduce((most, x) => Math.max(most, Math.abs(x)), 0) || 1;
    const context = new AudioContext();
    const buffer = context.createBuffer(1, cut.length, SOUND_RATE);
    const samples = buffer.getChannelData(0);
    const fade = SOUND_RATE / 50;
    cut.forEach((x, i) => {
      samples[i] = (0.8 * x * Math.min(1, i / fade, (cut.length - 1 - i) / fade)) / peak;
    });
    sounding = context.createBufferSource();
    sounding.buffer = buffer;
    sounding.connect(context.destination);
    sounding.onended = () => {
      sounding = null;
      listen.textContent = "Listen";
      context.close();
    };
    listen.textContent = "Stop";
    sounding.start();
  }

  for (const name of ["detector", "whiten", "q", "seconds"]) model.on(`change:${name}`, update);
  await choose(event);
}

/** One in how many pixels of Gaussian noise is as loud: 2 to the energy. */
function oneIn(energy) {
  if (energy > 30) return `10${superscript(Math.round(energy * Math.LOG10E * Math.LN2))}`;
  return Number((2 ** energy).toPrecision(2)).toLocaleString("en-US");
}

function superscript(n) {
  return [...String(n)].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]).join("");
}

const TABLE = colourTable("magnitude");

const STYLE = `
.plot-place { position: relative; margin-top: 0.8rem; }
.plot-place .plot { position: relative; }
.energy { image-rendering: auto; border-radius: 0; }
.cross { stroke: #fff; stroke-width: 1; fill: none; }
.cross.under { stroke: #000; stroke-width: 3; opacity: 0.5; }
.stand-in { color: var(--reads); font-weight: 600; margin-top: 0.8rem; }
`;

export default { render };
