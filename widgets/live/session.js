// What the page asks for, and what is computed: the same in a worker and, without one, in the page.

import { Simulator } from "./chirp.js";
import { camLayers, forward, gradCam, NetworkError, parse } from "./nn.js";

export class Session {
  #network = null;
  #trace = null;
  #simulator = null;

  /** Answer a request. What goes wrong is thrown, with a message for the reader. */
  perform(request) {
    switch (request.do) {
      case "open":
        return this.#open(request.buffer, request.inputs);
      case "run":
        return this.#run(request.image, request);
      case "explain":
        return this.#explain(request);
      case "constants":
        this.#simulator = new Simulator(request.constants);
        return null;
      case "simulate":
        return this.#simulate(request);
      default:
        throw new Error(`The request “${request.do}” is unknown.`);
    }
  }

  /**
   * Read a network; it replaces the one before it only if it is sound and takes such `inputs`:
   * {channels: [1, 3], most: 128} are pictures, {shape: [39, 100, 2]} is exactly this.
   */
  #open(buffer, inputs = {}) {
    const network = parse(buffer);
    checkInput(network.input.shape, inputs);
    this.#network = network;
    this.#trace = null;
    const { name, about, input, classes, squash, products } = network;
    let signed = true;
    const layers = network.layers.map((layer) => {
      signed = isSigned(layer, signed);
      return {
        name: layer.name,
        op: layer.op,
        shape: layer.shape,
        window: layer.grid?.window ?? null,
        activation: layer.activation ?? null,
        signed,
      };
    });
    const bytes = buffer.byteLength;
    return {
      name,
      about,
      bytes,
      input,
      classes,
      squash,
      products,
      layers,
      camLayers: camLayers(network),
    };
  }

  /** Show an image to the network: scores, what every layer puts out, and one explanation. */
  #run(image, { output = null, layer = null }) {
    const started = performance.now();
    this.#trace = forward(this.#network, image);
    const { values, logits, scores } = this.#trace;
    const explained = this.#explain({ output, layer });
    return {
      logits: Float32Array.from(logits),
      scores: Float32Array.from(scores),
      maps: values.map((layerValues) => Float32Array.from(layerValues)),
      milliseconds: performance.now() - started,
      ...explained,
    };
  }

  /** Where the picture speaks for a class: by default the one with the highest score. */
  #explain({ output, layer }) {
    const { logits } = this.#trace;
    const chosen = output ?? logits.indexOf(Math.max(...logits));
    const where = layer ?? camLayers(this.#network).at(-1);
    if (where === undefined) return { cam: null, output: chosen, layer: null };
    const cam = Float32Array.from(gradCam(this.#network, this.#trace, chosen, where));
    return { cam, output: chosen, layer: where };
  }

  /** Make a second of data and show its image to the network. */
  #simulate({ settings, output = null, layer = null }) {
    const started = performance.now();
    const simulator = this.#simulator;
    const { spectra, signals, snr } = simulator.simulate(settings);
    const image = simulator.image(spectra);
    const series = (part) => part.map((spectrum) => Float32Array.from(simulator.series(spectrum)));
    const made = {
      image: Float32Array.from(image),
      series: series(spectra),
      signals: settings.chirp ? series(signals) : null,
      snr,
    };
    const found = this.#run(image, { output, layer });
    return { ...made, ...found, milliseconds: performance.now() - started };
  }
}

function checkInput(shape, { channels, most, shape: exactly }) {
  const found = `This network expects images of ${shape.join(" × ")} numbers.`;
  if (exactly && exactly.join() !== shape.join()) {
    throw new NetworkError(`${found} Images of chirps are ${exactly.join(" × ")}.`);
  }
  if (channels && !channels.includes(shape[2])) {
    throw new NetworkError(`${found} Pictures have three channels, or one if they are grey.`);
  }
  if (most && Math.max(shape[0], shape[1]) > most) {
    throw new NetworkError(`${found} Up to ${most} pixels a side are shown here.`);
  }
}

/** Whether a layer may put out negative numbers, if the layer before it may or may not. */
function isSigned(layer, before) {
  const kind = layer.activation?.kind ?? "linear";
  if (kind === "sigmoid" || kind === "softmax" || (kind === "relu" && !layer.activation.slope)) {
    return false;
  }
  return ["convolution", "dense", "scaling"].includes(layer.op) || before;
}
