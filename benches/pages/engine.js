// Runs in a page that has loaded nothing else: from the import of an engine to its first scores.

/** Milliseconds, and the scores. `inputs` come as JSON, ready before the clock starts. */
globalThis.first = async (module, files, url) => {
  const given = await (await fetch(url)).json();
  for (const [name, value] of Object.entries(given))
    if (Array.isArray(value)) given[name] = Float32Array.from(value);
  const began = performance.now();
  const { load } = await import(module);
  const engine = await load(files);
  const scores = await engine.score(given);
  return { ms: performance.now() - began, scores: Array.from(scores) };
};
