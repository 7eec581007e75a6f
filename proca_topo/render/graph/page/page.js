"use strict";
// The page: what is on it reacts to what a person does.

const data = JSON.parse(document.getElementById("data").textContent);
const field = (id) => document.getElementById(id);
const MOST_CHOICES = 50;
let cy = null;
let topology = null;
let actions = new Map();
let drawn;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function say(text) {
  field("status").textContent = text;
}

function list(parent, title, lines) {
  if (lines.length === 0) return;
  const heading = document.createElement("h2");
  heading.textContent = title;
  const items = document.createElement("ul");
  for (const line of lines) {
    const item = document.createElement("li");
    item.textContent = line;
    items.append(item);
  }
  parent.append(heading, items);
}

function draw(org) {
  drawn = org;
  const exchange = field("exchange").value;
  topology = topologyFor(data, org);
  actions = withPlan(topology, data.plan);
  if (cy !== null) cy.destroy();
  cy = cytoscape({
    container: field("graph"), elements: elementsOf(topology, actions), style: styleFor(colour), maxZoom: 3, minZoom: 0.05,
    layout: { name: "preset" },
  });
  cy.elements().not(".back").layout({
    name: "dagre", rankDir: "LR", nodeSep: 26, edgeSep: 12, rankSep: 130, nodeDimensionsIncludeLabels: true, fit: false,
    edgeWeight: (edge) => (edge.hasClass("binding") ? 4 : 1),
  }).run();
  cy.fit(undefined, 24);
  cy.on("tap", "node", (event) => choose(event.target));
  cy.on("tap", (event) => { if (event.target === cy) clear(); });
  const names = [...topology.exchanges.keys()].sort();
  field("exchange").replaceChildren(...names.map((name) => new Option(name, name)));
  if (names.includes(exchange)) field("exchange").value = exchange;
  field("details").replaceChildren();
  const planned = data.plan === null ? "" : ` The plan has ${data.plan.length} changes.`;
  say(`${org === null ? "The template, over what all orgs share." : `Org ${org}, over what all orgs share.`} ${data.orgs.length} orgs.${planned}`);
}

function choose(node) {
  const name = node.data("name");
  cy.nodes().removeClass("chosen");
  node.addClass("chosen");
  if (!node.data("isQueue")) field("exchange").value = name;
  const details = field("details");
  details.replaceChildren();
  const title = document.createElement("h2");
  title.textContent = `${node.data("isQueue") ? "Queue" : "Exchange"} ${name}`;
  const traits = document.createElement("p");
  traits.className = "dim";
  traits.textContent = node.data("label").split("\n").slice(1).join(", ");
  details.append(title, traits);
  const words = (edge) => (edge.data("all") || [edge.data("label")]).join(", ");
  list(details, "In", node.incomers("edge").map((edge) => `${edge.source().data("name")}: ${words(edge)}`));
  list(details, "Out", node.outgoers("edge").map((edge) => `${edge.target().data("name") || "(default exchange)"}: ${words(edge)}`));
}

function clear() {
  cy.elements().removeClass("on off found chosen");
  field("details").replaceChildren();
}

function trace(exchange, key) {
  clear();
  const found = route(topology, exchange, key);
  const on = cy.collection().union(cy.getElementById(nodeId(false, exchange)));
  let lit = on;
  const light = (id) => { lit = lit.union(cy.getElementById(id)); };
  for (const name of found.exchanges) light(nodeId(false, name));
  for (const name of found.queues) light(nodeId(true, name));
  for (const one of found.bindings) light(`${nodeId(false, one.source)}>${nodeId(one.toQueue, one.destination)}`);
  for (const name of found.alternates) light(`alternate:${name}`);
  const later = [];
  for (const name of found.queues) {
    const letters = (topology.queues.get(name) || { letters: null }).letters;
    if (letters === null) continue;
    light(`letters:${name}`);
    const behind = route(topology, letters.exchange, letters.key === null ? key : letters.key);
    later.push(`${name}: ${[...behind.queues].sort().join(", ") || "nothing"}`);
  }
  cy.elements().addClass("off");
  lit.removeClass("off").addClass("on");
  const queues = [...found.queues].sort();
  say(`${exchange} with the key ${key === "" ? "(empty)" : key} reaches ${queues.length === 0 ? "nothing" : queues.join(", ")}.`);
  const details = field("details");
  list(details, "Reaches at once", queues);
  list(details, "Rejected there, it goes to", later);
  list(details, "Cannot be known", [...found.unknown].map((name) => `${name} is of type ${topology.exchanges.get(name).type}`));
}

function search(text) {
  cy.nodes().removeClass("found");
  if (text === "") return;
  const found = cy.nodes().filter((node) => node.data("name").toLowerCase().includes(text.toLowerCase()));
  found.addClass("found");
  say(`${found.length} ${found.length === 1 ? "name has" : "names have"} "${text}" in it.`);
  if (found.length > 0) cy.animate({ fit: { eles: found, padding: 120 }, duration: 200 });
}

function offerOrgs(text) {
  const found = [];
  for (const [name] of data.orgs) {
    if (name.includes(text)) found.push(name);
    if (found.length === MOST_CHOICES) break;
  }
  field("orgs").replaceChildren(...found.map((name) => new Option(name, name)));
}

function pickOrg(name) {
  const org = name === "" ? null : name;
  if (org === drawn) return;
  if (org === null) draw(null);
  else if (data.orgs.some((org) => org[0] === name)) draw(name);
  else say(`There is no org ${name}.`);
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  field("theme").setAttribute("aria-pressed", String(theme === "dark"));
  field("theme").textContent = theme === "dark" ? "Light" : "Dark";
  if (cy !== null) cy.style(styleFor(colour));
}

function legend() {
  const lines = ["hexagon: exchange", "box: queue", "dashed box: not declared here", "dashed line: dead letters", "dotted line: alternate exchange"];
  if (data.plan !== null) lines.push(...Object.entries(SIGNS).map(([action, sign]) => `${sign} ${action}`));
  list(field("legend"), "Legend", lines);
}

field("org").addEventListener("input", (event) => offerOrgs(event.target.value));
field("org").addEventListener("change", (event) => pickOrg(event.target.value.trim()));
field("search").addEventListener("input", (event) => search(event.target.value.trim()));
field("trace").addEventListener("submit", (event) => { event.preventDefault(); trace(field("exchange").value, field("key").value); });
field("clear").addEventListener("click", clear);
field("fit").addEventListener("click", () => cy.fit(undefined, 24));
field("theme").addEventListener("click", () => setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
field("graph").addEventListener("keydown", (event) => {
  const steps = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
  if (event.key in steps) cy.panBy({ x: steps[event.key][0], y: steps[event.key][1] });
  else if (event.key === "+" || event.key === "=") cy.zoom(cy.zoom() * 1.2);
  else if (event.key === "-") cy.zoom(cy.zoom() / 1.2);
  else if (event.key === "0") cy.fit(undefined, 24);
  else return;
  event.preventDefault();
});
setTheme(matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
offerOrgs("");
legend();
field("org").value = data.chosen || "";
draw(data.chosen);
