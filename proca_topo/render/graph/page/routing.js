"use strict";
// Where a message goes, as RabbitMQ does it. Pure; the same as proca_topo/topology/routing, which tests compare it with.

function wordsOf(key) {
  return key === "" ? [] : key.split(".");
}

function topicMatches(pattern, key) {
  const words = wordsOf(key);
  let reached = new Set([0]);
  for (const part of wordsOf(pattern)) {
    const next = new Set();
    if (part === "#") {
      for (let at = Math.min(...reached); at <= words.length; at += 1) next.add(at);
    } else {
      for (const at of reached) {
        if (at < words.length && (part === "*" || part === words[at])) next.add(at + 1);
      }
    }
    if (next.size === 0) return false;
    reached = next;
  }
  return reached.has(words.length);
}

function lets(type, binding, key) {
  if (type === "topic") return topicMatches(binding.key, key);
  if (type === "direct") return binding.key === key;
  return type === "fanout";
}

// {exchanges: Map name -> {type, alternate}, queues: Map name -> {...}, bindings: [{source, destination, toQueue, key}]}
// gives {queues, exchanges, bindings, alternates, unknown}: sets of what the message comes through.
function route(topology, exchange, key) {
  const found = { queues: new Set(), exchanges: new Set(), bindings: new Set(), alternates: new Set(), unknown: new Set() };
  if (exchange === "") {
    if (topology.queues.has(key)) found.queues.add(key);
    return found;
  }
  const todo = [exchange];
  found.exchanges.add(exchange);
  while (todo.length > 0) {
    const name = todo.pop();
    const known = topology.exchanges.get(name);
    if (known === undefined) continue;
    if (!["topic", "direct", "fanout"].includes(known.type)) {
      found.unknown.add(name);
      continue;
    }
    const matching = topology.bindings.filter((one) => one.source === name && lets(known.type, one, key));
    const ahead = [];
    for (const binding of matching) {
      found.bindings.add(binding);
      if (binding.toQueue) found.queues.add(binding.destination);
      else ahead.push(binding.destination);
    }
    if (matching.length === 0 && known.alternate !== null) {
      found.alternates.add(name);
      ahead.push(known.alternate);
    }
    for (const next of ahead) {
      if (!found.exchanges.has(next)) {
        found.exchanges.add(next);
        todo.push(next);
      }
    }
  }
  return found;
}

if (typeof module !== "undefined") module.exports = { topicMatches, route };
