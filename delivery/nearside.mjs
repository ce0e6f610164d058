#!/usr/bin/env node
// `npx nearside COMMAND …`: what a publisher does with the installed package, by Node alone. docs/delivery.md says when.

import { main, Stop, say } from "./terminal.mjs";

const commands = {
  keys: ["makes the pair of keys that signs releases", () => import("./keys.mjs")],
  release: [
    "makes a release: static files under their hashes, and a signed manifest",
    () => import("./release.mjs"),
  ],
  check: ["says whether pages would take the release in a folder", () => import("./check.mjs")],
};

await main(async () => {
  const [command, ...args] = process.argv.slice(2);
  if (command === undefined || command === "--help" || command === "help") {
    for (const [what, load] of Object.values(commands)) say(`nearside ${(await load()).usage}\n    ${what}`);
    return;
  }
  if (!Object.hasOwn(commands, command))
    throw new Stop(`There is no command ${command}, only ${Object.keys(commands).join(", ")}.`);
  await (await commands[command][1]()).run(args);
});
