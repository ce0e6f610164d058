// Builds the demo page into www/dist from the built package, which it imports by name as a publisher's page would.
// webpack finds the wasm and the model by the SDK's `new URL("…", import.meta.url)`; no loader is needed.

import { fileURLToPath } from "node:url";
import { PagesPlugin } from "./www/render/plugin.js";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

export default {
  mode: "production",
  target: ["web", "es2022"],
  entry: { front: at("www/front.js"), story: at("www/story.js") },
  output: {
    path: at("www/dist"),
    // A name with a hash in it may be cached for ever.
    filename: "[name].[contenthash:16].js",
    assetModuleFilename: "[name].[contenthash:16][ext]",
    module: true,
    clean: true,
  },
  experiments: { outputModule: true },
  devtool: "source-map",
  performance: false,
  plugins: [new PagesPlugin()],
};
