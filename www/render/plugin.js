// A webpack plugin: writes the front page and the story pages from feed.json, and links them to what webpack built.

import { readFileSync } from "node:fs";
import webpack from "webpack";
import { icon } from "./frame.js";
import { frontPage } from "./front.js";
import { storyPage } from "./story.js";

const { RawSource } = webpack.sources;
const feedFile = new URL("../feed.json", import.meta.url);
const styleFiles = ["base", "topics", "front", "panel", "story"].map(
  (name) => new URL(`../style/${name}.css`, import.meta.url),
);

/** Needs the entries `front` and `story`. */
export class PagesPlugin {
  apply(compiler) {
    compiler.hooks.thisCompilation.tap("PagesPlugin", (compilation) => {
      // After the names have got their hashes.
      const stage = webpack.Compilation.PROCESS_ASSETS_STAGE_SUMMARIZE;
      compilation.hooks.processAssets.tap({ name: "PagesPlugin", stage }, () => {
        const emit = (name, content) => compilation.emitAsset(name, new RawSource(String(content)));
        const text = readFileSync(feedFile, "utf8");
        const feed = JSON.parse(text);
        const css = styleFiles.map((file) => readFileSync(file, "utf8")).join("\n");
        const style = `courier.${webpack.util.createHash("xxhash64").update(css).digest("hex")}.css`;
        const files = (entry) => ({ style, script: scriptOf(compilation, entry) });

        emit("feed.json", text);
        emit("icon.svg", icon);
        emit(style, css);
        emit("index.html", frontPage(feed, files("front")));
        for (const item of feed.items) emit(`story/${item.id}.html`, storyPage(feed, item, files("story")));
      });
      for (const file of [feedFile, ...styleFiles]) compilation.fileDependencies.add(file.pathname);
    });
  }
}

function scriptOf(compilation, entry) {
  const scripts = compilation.entrypoints.get(entry).getEntrypointChunk().files;
  const [script] = [...scripts].filter((name) => name.endsWith(".js"));
  return script;
}
