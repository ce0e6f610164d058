// What a script takes from its host: found in its text, so that the fault matrix forgets none.

import { parse } from "acorn";

/** What the language gives to every script, which no page can take away. */
const given = new Set(["undefined", "NaN", "Infinity", "arguments", "globalThis"]);

/** Members that no page can change. */
const fixed = new Set(["Number.NaN", "Number.NEGATIVE_INFINITY", "Symbol.iterator"]);

/**
 * The names that a script uses and nowhere makes, with the member where one is read by name: `Date.now`, `setTimeout`. A name that the
 * script makes anywhere counts as its own.
 */
export function globalsOf(source) {
  const tree = parse(source, { ecmaVersion: "latest", sourceType: "module" });
  const own = new Set();
  const used = [];
  visit(tree, undefined, undefined, own, used);
  const paths = used.filter(([name]) => !own.has(name) && !given.has(name)).map(pathOf);
  return [...new Set(paths)].filter((path) => !fixed.has(path)).sort();
}

const pathOf = ([name, member]) =>
  member === undefined || member === "prototype" ? name : `${name}.${member}`;

function visit(node, parent, key, own, used) {
  if (Array.isArray(node)) {
    for (const one of node) visit(one, parent, key, own, used);
    return;
  }
  if (typeof node?.type !== "string") return;
  if (node.type === "Identifier") {
    if (isDeclared(parent, key)) own.add(node.name);
    else if (!isLabel(parent, key)) used.push([node.name, undefined]);
    return;
  }
  if (node.type === "MemberExpression" && !node.computed) {
    const { object, property } = node;
    if (object.type === "Identifier" && object.name === "globalThis") {
      used.push([property.name, undefined]);
      return;
    }
    const name = object.type === "Identifier" ? object.name : globalMember(object);
    if (name !== undefined) {
      used.push([name, property.name]);
      return;
    }
  }
  if (/^(Function|ArrowFunction|Class)/.test(node.type)) for (const one of node.params ?? []) bind(one, own);
  if (node.type === "VariableDeclarator") bind(node.id, own);
  if (node.type === "CatchClause" && node.param) bind(node.param, own);
  for (const [name, child] of Object.entries(node)) {
    if (child !== null && typeof child === "object") visit(child, node, name, own, used);
  }
}

/** `globalThis.name`: a global by its full name. */
function globalMember(node) {
  const isGlobal =
    node.type === "MemberExpression" &&
    !node.computed &&
    node.object.type === "Identifier" &&
    node.object.name === "globalThis";
  return isGlobal ? node.property.name : undefined;
}

/** Notes what a pattern makes. */
function bind(pattern, own) {
  if (pattern.type === "Identifier") own.add(pattern.name);
  else if (pattern.type === "AssignmentPattern") bind(pattern.left, own);
  else if (pattern.type === "RestElement") bind(pattern.argument, own);
  else if (pattern.type === "ArrayPattern") for (const one of pattern.elements) one && bind(one, own);
  else if (pattern.type === "ObjectPattern")
    for (const one of pattern.properties) bind(one.type === "RestElement" ? one : one.value, own);
}

const isDeclared = (parent, key) =>
  (key === "id" && /^(Function|Class)/.test(parent?.type)) ||
  (/^Import.*Specifier$/.test(parent?.type) && key === "local");

const isLabel = (parent, key) =>
  (key === "key" && !parent.computed && !parent.shorthand) ||
  (key === "property" && !parent.computed) ||
  key === "label" ||
  /^(Import|Export).*Specifier$/.test(parent?.type) ||
  key === "imported" ||
  key === "exported" ||
  parent?.type === "MetaProperty";
