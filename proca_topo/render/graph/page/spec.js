"use strict";
// The data of the page made into a topology: what all orgs share, and over it the template as it stands or one org.

function filled(text, values) {
  if (text === null || values === null) return text;
  return text.replace(/\{\{|\}\}|\{(\w+)\}/g, (all, name) => {
    if (name === undefined) return all[0];
    return Object.hasOwn(values, name) ? values[name] : all;
  });
}

function addPart(topology, part, owner, values, options) {
  const there = (needs) => options === null || needs.every((any) => any.some((option) => options.has(option)));
  const text = (one) => filled(one, values);
  for (const [name, type, alternate, needs] of part.exchanges) {
    if (there(needs)) topology.exchanges.set(text(name), { type, alternate: text(alternate), owner });
  }
  for (const [name, type, delay, exchange, key, needs] of part.queues) {
    if (!there(needs)) continue;
    const letters = exchange === null ? null : { exchange: text(exchange), key: text(key) };
    topology.queues.set(text(name), { type, delay, letters, owner });
  }
  for (const [source, destination, toQueue, key, headers, needs] of part.bindings) {
    if (!there(needs)) continue;
    topology.bindings.push({
      source: text(source), destination: text(destination), toQueue: toQueue === 1, key: text(key), headers: headers === 1, owner,
    });
  }
}

// name null is the template.
function topologyFor(data, name) {
  const topology = { exchanges: new Map(), queues: new Map(), bindings: [] };
  addPart(topology, data.shared, null, null, null);
  if (name === null) {
    addPart(topology, data.template, "template", null, null);
    return topology;
  }
  const [, values, options, extras] = data.orgs.find((org) => org[0] === name);
  const all = { ...values, org: name };
  addPart(topology, data.template, name, all, new Set(options));
  if (extras !== undefined) addPart(topology, extras, name, null, new Set(options));
  return topology;
}

// What a plan takes away is drawn too, and what it does is told by the kind and name of each object.
function withPlan(topology, plan) {
  const actions = new Map();
  for (const { action, kind, name, heldBack, object } of plan || []) {
    const key = kind === "binding" ? bindingId(object.source, object.destination, object.destination_type === "queue", object.routing_key) : `${kind}:${name}`;
    actions.set(key, { action, heldBack });
    if (kind === "exchange" && !topology.exchanges.has(name) && isRelated(topology, object)) {
      topology.exchanges.set(name, { type: object.type, alternate: object.arguments["alternate-exchange"] ?? null, owner: "plan" });
    }
    if (kind === "queue" && !topology.queues.has(name) && action !== "declare") {
      topology.queues.set(name, { type: object.arguments["x-queue-type"] ?? null, delay: object.arguments["x-message-ttl"] ?? null, letters: lettersOf(object.arguments), owner: "plan" });
    }
    if (kind === "binding" && action !== "declare" && !topology.bindings.some((one) => bindingId(one.source, one.destination, one.toQueue, one.key) === key)) {
      topology.bindings.push({ source: object.source, destination: object.destination, toQueue: object.destination_type === "queue", key: object.routing_key, headers: Object.keys(object.arguments).length > 0, owner: "plan" });
    }
  }
  return actions;
}

function isRelated(topology, object) {
  return topology.bindings.some((one) => one.source === object.name || one.destination === object.name);
}

function lettersOf(given) {
  const exchange = given["x-dead-letter-exchange"];
  return exchange === undefined ? null : { exchange, key: given["x-dead-letter-routing-key"] ?? null };
}

function bindingId(source, destination, toQueue, key) {
  return JSON.stringify([source, destination, toQueue, key]);
}

if (typeof module !== "undefined") module.exports = { topologyFor, withPlan, filled };
