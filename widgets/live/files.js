// Files of the folder live/data, which `python -m course live` writes when the site is built.

/** Return the bytes of a file; throws in words for the reader. */
export async function load(site, name) {
  if (!site) throw new Error("Networks of the course are loaded on its site only.");
  if (site.opened) return loadAsScript(site, name);
  let response;
  try {
    response = await fetch(`${site.statics}widgets/live/data/${name}`);
  } catch {
    throw new Error(`${name} could not be loaded. Check the connection, then try again.`);
  }
  if (!response.ok) {
    throw new Error(`${name} is not there (the server answered ${response.status}).`);
  }
  return response.arrayBuffer();
}

export async function loadJson(site, name) {
  return JSON.parse(new TextDecoder().decode(await load(site, name)));
}

/** A page that was opened as a file may load scripts only: each file is also there as one. */
function loadAsScript(site, name) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${site.statics}widgets/live/data/${name}.js`;
    script.onload = () => {
      const text = atob(globalThis.liveFiles[name]);
      delete globalThis.liveFiles[name]; // it is large
      script.remove();
      resolve(Uint8Array.from(text, (letter) => letter.charCodeAt(0)).buffer);
    };
    script.onerror = () => reject(new Error(`${name} is missing beside this page.`));
    document.head.append(script);
  });
}
