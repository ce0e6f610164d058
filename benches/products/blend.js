// A front page with the blend alone: the reader's counts in localStorage, no download but this script.

import { blend } from "../blend.js";
import { measured } from "./page.js";

measured(async (feed) => {
  const history = JSON.parse(localStorage.getItem("topics") ?? "{}");
  const order = ({ items }) => blend(items, history);
  return { items: order(await feed), again: order };
});
