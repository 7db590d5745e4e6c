// The element <course-widget>: it runs the ES module of a widget in a page of the site.
//
//   <course-widget module="widgets/conv_stepper.js" options='{"mode": "same"}' data="dog">
//     what a reader without scripts sees
//   </course-widget>
//
// A module is written for anywidget (https://anywidget.dev), so the same file also runs in Jupyter:
//
//   export default { render({ model, el, site }) { … } };
//
// `model` keeps the options and the data under their names. `site` is only there in the site:
// `site.statics` is the address of the folder _static, `await site.data(name)` the content of
// widgets/data/<name>.js.
//
// A page that was opened as a file may neither import modules nor fetch data. There, all modules
// come in one classic script, widgets/bundle.js; and data always comes as a script.

(() => {
  "use strict";
  const statics = new URL("..", document.currentScript.src).href;
  const opened = location.protocol === "file:";
  const shelf = (globalThis.courseWidgets ??= { modules: {}, data: {} });
  const scripts = new Map(); // promises by address, so that nothing is loaded twice

  function loadScript(path) {
    if (!scripts.has(path)) {
      const arrival = new Promise((resolve, reject) => {
        const script = document.createElement("script");
        script.src = new URL(path, statics).href;
        script.onload = resolve;
        script.onerror = () => {
          scripts.delete(path); // the next attempt may succeed
          reject(new Error(`${path} could not be loaded. Check the connection, then reload the page.`));
        };
        document.head.append(script);
      });
      scripts.set(path, arrival);
    }
    return scripts.get(path);
  }

  async function moduleAt(path) {
    if (!opened) return import(new URL(path, statics).href);
    await loadScript("widgets/bundle.js");
    return shelf.modules[path];
  }

  const site = {
    statics,
    opened,
    async data(name) {
      if (!(name in shelf.data)) await loadScript(`widgets/data/${name}.js`);
      return shelf.data[name];
    },
  };

  /** As much of a Jupyter widget's model as a front-end module needs. */
  class Model {
    #values;
    #listeners = new Map();

    constructor(values) {
      this.#values = values;
    }

    get(name) {
      return this.#values[name];
    }

    set(name, value) {
      this.#values = { ...this.#values, [name]: value };
      for (const listener of this.#listeners.get(`change:${name}`) ?? []) listener();
    }

    on(event, listener) {
      if (!this.#listeners.has(event)) this.#listeners.set(event, new Set());
      this.#listeners.get(event).add(listener);
    }

    off(event, listener) {
      this.#listeners.get(event)?.delete(listener);
    }

    save_changes() {} // in Jupyter: send them to Python
  }

  class CourseWidget extends HTMLElement {
    #started = false;

    connectedCallback() {
      if (this.#started) return;
      this.#started = true;
      this.#start();
    }

    async #start() {
      try {
        const names = (this.getAttribute("data") ?? "").split(" ").filter(Boolean);
        const [module, ...data] = await Promise.all([
          moduleAt(this.getAttribute("module")),
          ...names.map(site.data),
        ]);
        const values = JSON.parse(this.getAttribute("options") || "{}");
        names.forEach((name, i) => (values[name] = data[i]));
        const model = new Model(values);
        await module.default.initialize?.({ model });
        await module.default.render({ model, el: this, site });
        this.toggleAttribute("ready", true);
      } catch (problem) {
        this.#giveUp(problem);
      }
    }

    /** Say what happened, and leave the picture in place. */
    #giveUp(problem) {
      console.warn(problem);
      const note = document.createElement("p");
      note.setAttribute("role", "status");
      note.textContent = `This widget could not start. ${problem.message}`;
      this.append(note);
      if (this.shadowRoot) this.shadowRoot.replaceChildren(document.createElement("slot"));
    }
  }

  if (!customElements.get("course-widget")) customElements.define("course-widget", CourseWidget);
})();
