"use strict";
// A topology as elements for cytoscape, and how they look. Exchanges are hexagons, queues are boxes; colour only repeats
// what shapes, dashes and signs say.

const SIGNS = { declare: "+", update: "~", replace: "!", retire: ">", delete: "-" };
const MOST_LABELS = 3;

function nodeId(isQueue, name) {
  return `${isQueue ? "queue" : "exchange"}:${name}`;
}

function elementsOf(topology, actions) {
  const elements = [];
  const known = new Set();
  const node = (isQueue, name, traits, owner) => {
    const id = nodeId(isQueue, name);
    if (known.has(id)) return id;
    known.add(id);
    const planned = actions.get(id);
    const sign = planned === undefined ? "" : `${SIGNS[planned.action]} `;
    const label = `${sign}${name === "" ? "(default exchange)" : name}${traits ? `\n${traits}` : ""}`;
    const classes = [isQueue ? "queue" : "exchange", owner === null ? "shared" : "own", owner === undefined ? "elsewhere" : "",
      planned === undefined ? "" : `plan-${planned.action}`];
    elements.push({ data: { id, name, label, isQueue }, classes: classes.join(" ") });
    return id;
  };
  for (const [name, one] of topology.exchanges) node(false, name, one.type, one.owner);
  for (const [name, one] of topology.queues) node(true, name, traitsOf(one), one.owner);
  // What brings messages back from where they wait is left out of the layout, so that all else leads to the right.
  const returning = new Set([...topology.queues.values()].filter((one) => one.delay !== null && one.letters !== null).map((one) => one.letters.exchange));
  const groups = new Map();
  for (const binding of topology.bindings) {
    const source = node(false, binding.source, "not declared here");
    const target = node(binding.toQueue, binding.destination, "not declared here");
    const id = `${source}>${target}`;
    if (!groups.has(id)) groups.set(id, { id, source, target, bindings: [] });
    groups.get(id).bindings.push(binding);
  }
  for (const { id, source, target, bindings } of groups.values()) {
    const planned = bindings.map((one) => actions.get(bindingId(one.source, one.destination, one.toQueue, one.key)));
    const labels = bindings.map((one, at) => `${planned[at] ? `${SIGNS[planned[at].action]} ` : ""}${one.key === "" ? "(empty key)" : one.key}${one.headers ? " +headers" : ""}`);
    const shown = labels.slice(0, MOST_LABELS).join("\n") + (labels.length > MOST_LABELS ? `\nand ${labels.length - MOST_LABELS} more` : "");
    const first = planned.find((one) => one !== undefined);
    elements.push({ data: { id, source, target, label: shown, all: labels }, classes: `binding ${returning.has(bindings[0].source) ? "back " : ""}${first ? `plan-${first.action}` : ""}` });
  }
  for (const [name, one] of topology.exchanges) {
    if (one.alternate === null) continue;
    const source = nodeId(false, name);
    const target = node(false, one.alternate, "not declared here");
    elements.push({ data: { id: `alternate:${name}`, source, target, label: "what is not routed" }, classes: "alternate" });
  }
  for (const [name, one] of topology.queues) {
    if (one.letters === null) continue;
    const target = node(false, one.letters.exchange, "not declared here");
    const label = one.letters.key === null || one.letters.key === name ? "dead letters" : `dead letters as ${one.letters.key}`;
    elements.push({ data: { id: `letters:${name}`, source: nodeId(true, name), target, label }, classes: "letters" });
  }
  return elements;
}

function traitsOf(queue) {
  const traits = [];
  if (queue.type !== null && queue.type !== "classic") traits.push(queue.type);
  if (queue.delay !== null) traits.push(`waits ${duration(queue.delay)}`);
  return traits.join(", ");
}

function duration(milliseconds) {
  for (const [unit, size] of [["d", 86400000], ["h", 3600000], ["min", 60000], ["s", 1000]]) {
    if (milliseconds >= size && milliseconds % size === 0) return `${milliseconds / size} ${unit}`;
  }
  return `${milliseconds} ms`;
}

function styleFor(colour) {
  const plans = Object.keys(SIGNS).flatMap((action) => {
    const shade = colour(`--${action}`);
    return [
      { selector: `node.plan-${action}`, style: { "border-color": shade, "border-width": 3 } },
      { selector: `edge.plan-${action}`, style: { "line-color": shade, "target-arrow-color": shade, width: 3 } },
    ];
  });
  return [
    { selector: "node", style: {
      label: "data(label)", "text-wrap": "wrap", "text-valign": "center", "font-size": 12, "font-family": "system-ui, sans-serif",
      color: colour("--text"), "background-color": colour("--panel"), "border-width": 1.5, "border-color": colour("--line"),
      width: (one) => 24 + 7 * Math.max(...one.data("label").split("\n").map((line) => line.length)),
      height: (one) => 18 + 16 * one.data("label").split("\n").length } },
    { selector: "node.queue", style: { shape: "rectangle" } },
    { selector: "node.exchange", style: { shape: "hexagon", width: (one) => 48 + 7 * Math.max(...one.data("label").split("\n").map((line) => line.length)) } },
    { selector: "node.elsewhere", style: { "border-style": "dashed" } },
    { selector: "edge", style: {
      label: "data(label)", "text-wrap": "wrap", "font-size": 10, "font-family": "ui-monospace, monospace", color: colour("--text"),
      "text-background-color": colour("--back"), "text-background-opacity": 0.9, "text-background-padding": 2,
      width: 1.5, "curve-style": "bezier", "line-color": colour("--line"), "target-arrow-color": colour("--line"), "target-arrow-shape": "triangle" } },
    { selector: "edge.back", style: { "curve-style": "unbundled-bezier", "control-point-distances": [-110], "control-point-weights": [0.5] } },
    { selector: "edge.letters", style: { "line-style": "dashed", "target-arrow-shape": "vee" } },
    { selector: "edge.alternate", style: { "line-style": "dotted", "target-arrow-shape": "vee" } },
    ...plans,
    { selector: "node.plan-delete, node.plan-retire", style: { "border-style": "double" } },
    { selector: "edge.plan-delete, edge.plan-retire", style: { "line-style": "dashed" } },
    { selector: ".off", style: { opacity: 0.2 } },
    { selector: "node.on, node.found", style: { "border-width": 4, "border-color": colour("--accent") } },
    { selector: "edge.on", style: { width: 4, "line-color": colour("--accent"), "target-arrow-color": colour("--accent") } },
    { selector: "node.chosen", style: { "border-width": 4, "border-style": "double", "border-color": colour("--accent") } },
  ];
}
