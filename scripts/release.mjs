// `npm run release -- …`: as `npx nearside release …` of the built package; builds it first where it is not.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { run } from "../delivery/release.mjs";
import { buildPackage } from "./build.mjs";
import { ensureNode, ensureNodeModules, ensureRust, ensureWasmBindgen } from "./setup.mjs";
import { main, root, say } from "./shell.mjs";

await main(async () => {
  if (!existsSync(join(root, "dist/policy.js"))) {
    say("The package is not built yet: building it…");
    ensureNode();
    await ensureNodeModules();
    await ensureRust();
    await buildPackage(await ensureWasmBindgen());
  }
  await run(process.argv.slice(2));
});
