// `npm run release -- …` and `npm run keys -- …`: as `npx nearside` of the built package, which is built first where a release needs it and it is
// not. npm runs scripts in the repository's root; paths are the caller's.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { run as keys } from "../delivery/keys.mjs";
import { run as release } from "../delivery/release.mjs";
import { buildPackage } from "./build.mjs";
import { ensureNode, ensureNodeModules, ensureRust, ensureWasmBindgen } from "./setup.mjs";
import { main, root, say } from "./shell.mjs";

await main(async () => {
  const [command, ...args] = process.argv.slice(2);
  if (command === "release" && !existsSync(join(root, "dist/policy.js"))) {
    say("The package is not built yet: building it…");
    ensureNode();
    await ensureNodeModules();
    await ensureRust();
    await buildPackage(await ensureWasmBindgen());
  }
  await { keys, release }[command](args, process.env.INIT_CWD);
});
