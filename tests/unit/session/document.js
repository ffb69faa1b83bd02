// As much of a browser as the page of a blind comparison asks for.
const made = {};
class Node { constructor(id) { this.id = id; this.dataset = {}; this.attributes = {}; this.on = {}; this.kept = []; this.textContent = ""; }
  addEventListener(name, what) { this.on[name] = what; } click() { this.on.click && this.on.click(); if (this.download) saved.push(this.href); }
  setAttribute(name, value) { this.attributes[name] = value; } get parentElement() { return get_(this.id + "-parent"); }
  insertRow() { const row = new Node(""); this.kept.push(row); return row; } insertCell() { return this.insertRow(); }
  replaceChildren(...kept) { this.kept = kept; } all() { return this.textContent + this.kept.map(each => each.all()).join("|"); } }
const get_ = id => made[id] = made[id] || new Node(id);
const votes = ["0", "tie", "1"].map(vote => { const node = new Node("vote-" + vote); node.dataset.vote = vote; return node; });
const saved = [];
globalThis.document = { documentElement: {}, getElementById: get_, createElement: name => new Node(name),
  querySelectorAll: what => what === "[data-vote]" ? votes : [] };
const shelf = {};
globalThis.localStorage = { getItem: key => shelf[key] || null, setItem: (key, value) => { shelf[key] = value; } };
globalThis.Blob = class { constructor(parts) { this.text = parts.join(""); } };
URL.createObjectURL = blob => blob.text; URL.revokeObjectURL = () => {};
