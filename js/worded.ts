import { firstMark } from "./wire.js";
import { within } from "./within.js";

/** How long the words may take, in milliseconds: a refusal is told without them rather than late. */
const patience = 2000;

/**
 * What a core says of a model that it refuses, in words: there, each sentence is a character of Unicode's private use area (`src/words.rs`). The
 * words are a script of their own, which only comes where a model was refused; should it not come, numbers stand in their place.
 */
export async function worded(message: string): Promise<string> {
  if (!/[\ue000-\uf8ff]/.test(message)) return message;
  let words: readonly string[] = [];
  try {
    ({ words } = await within(import("./words.js"), patience, () => "late"));
  } catch {
    // The page's network, or a policy of its own: numbers will do.
  }
  return message.replace(/[\ue000-\uf8ff]/g, (mark) => {
    const number = mark.charCodeAt(0) - firstMark;
    return words[number] ?? ` (${number})`;
  });
}
