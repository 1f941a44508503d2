"use strict";
const PALETTE = [/*PALETTE*/];
const TRAIL = 3;
const GRACE = 1.5;
const KEPT = 400;
const LATELY = 300;
const SILENT = 6000;
const GROUPS = {
  people: /^person_/, presence: /^(new|update|end)$/, zones: /^(zone|line)_/, site: /^(camera|storage|step|quality)_/, tracks: /^track_/,
};
const $ = (query, from = document) => from.querySelector(query);
const state = {
  site: null, tiles: new Map(), events: [], shown: new Set(["people", "zones", "site"]), lit: null, alone: null,
  open: null, offset: 0, socket: null, wait: 500, connected: false, width: 0, heard: 0, anew: false,
};

/* ---------- words ---------- */
function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
const colour = (person) => (person > 0 ? PALETTE[(person - 1) % PALETTE.length] : "#aaaaaa");
function ink(person) {
  const code = colour(person);
  const [r, g, b] = [1, 3, 5].map((place) => parseInt(code.slice(place, place + 2), 16));
  return 0.299 * r + 0.587 * g + 0.114 * b > 125 ? "#141414" : "#ffffff";
}
function chip(person, { tag = "span", maybe = false, press = null } = {}) {
  const made = el(tag, { class: maybe ? "chip maybe" : "chip" }, String(person));
  made.style.background = colour(person);
  made.style.color = ink(person);
  if (press) made.addEventListener("click", press);
  return made;
}
const link = (person) => chip(person, { tag: "button", press: (event) => { event.stopPropagation(); openPerson(person); } });
const clock = (at) => at < 1e9 ? span(at) : new Date(at * 1000).toLocaleTimeString("en-GB");
function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60 ? `${whole % 60} s` : ""}`.trim();
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
function milliseconds(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  return seconds < 10 ? `${Math.round(seconds * 1000)} ms` : span(seconds);
}
const signed = (value) => (value === null ? "–" : `${value >= 0 ? "+" : "−"}${Math.abs(value).toFixed(1)}`);
const now = () => Date.now() / 1000 + state.offset;
const named = (person) => {
  const one = state.site && state.site.people.find((other) => other.person === person);
  return one && one.name ? one.name : "";
};

/* ---------- the wire ---------- */
function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(`${scheme}//${location.host}/api/live`);
  socket.binaryType = "arraybuffer";
  state.socket = socket;
  state.heard = performance.now();
  socket.onopen = () => { state.connected = true; state.anew = true; state.wait = 500; state.width = 0; ask(); };
  socket.onmessage = (message) => { state.heard = performance.now(); receive(message.data).catch(console.error).finally(() => say({ ready: 1 })); };
  socket.onclose = (event) => away(event.reason);
}
function away(reason) {
  /* A site that hangs ends no connection, so nothing more is expected of the old one. */
  const { socket } = state;
  state.socket = null;
  socket.onopen = socket.onmessage = socket.onclose = null;
  socket.close();
  state.connected = false;
  header(reason);
  setTimeout(retry, state.wait);
  state.wait = Math.min(state.wait * 1.7, 8000);
}
function watch() {
  if (state.socket && performance.now() - state.heard > SILENT) away(`it has said nothing for ${SILENT / 1000} s`);
}
async function retry() {
  try {
    const answer = await fetch("/api/cameras", { cache: "no-store", signal: AbortSignal.timeout(SILENT) });
    if (answer.status === 401) { location.href = "/login?ended"; return; }
  } catch { /* the site is away; the next attempt tells */ }
  connect();
}
function say(words) {
  if (state.socket && state.socket.readyState === WebSocket.OPEN) state.socket.send(JSON.stringify(words));
}
function ask() {
  const first = state.tiles.values().next().value;
  const width = Math.min(1920, Math.max(240, Math.ceil((first ? first.box.clientWidth : 480) * Math.min(devicePixelRatio, 2))));
  const cameras = document.hidden ? [] : state.alone ? [state.alone] : null;
  const asked = `${width} ${JSON.stringify(cameras)}`;
  if (asked !== state.width) { state.width = asked; say({ width, cameras }); }
}
async function receive(buffer) {
  const length = new DataView(buffer).getUint32(0);
  const words = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  if (state.anew) { state.anew = false; begin(); }
  if (words.site) { state.site = words.site; state.offset = words.site.at - Date.now() / 1000; }
  if (words.events) takeEvents(words.events);
  if (words.site) showSite();
  let start = 4 + length;
  const drawn = [];
  for (const tile of words.tiles || []) {
    const part = buffer.slice(start, start + tile.bytes);
    start += tile.bytes;
    drawn.push(takeTile(tile, part));
  }
  await Promise.all(drawn);
}

function begin() {
  /* The site tells all that it holds again, and it may have been started again: nothing older counts. */
  state.events = [];
  listEvents();
  for (const tile of state.tiles.values()) tile.trails.clear();
  if (state.open) openPerson(state.open);
}
async function reach(path, options = {}) {
  try {
    const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(SILENT), ...options });
    return { ok: answer.ok, said: await answer.json() };
  } catch { return { ok: false, said: { error: "the site does not answer; try it again when it is back" } }; }
}

/* ---------- the wall ---------- */
function tileOf(name) {
  let tile = state.tiles.get(name);
  if (tile) return tile;
  const canvas = el("canvas", { "aria-label": `camera ${name}` });
  const label = el("button", { class: "name", title: "alone, or with the others", onclick: () => alone(name) }, name);
  const numbers = el("span", { class: "numbers" });
  const veil = el("div", { class: "veil" }, el("b"), el("span"));
  const box = el("div", { class: "tile" }, canvas, label, numbers, veil);
  tile = { name, box, canvas, numbers, veil, image: null, data: null, trails: new Map(), hits: [] };
  canvas.addEventListener("mousemove", (event) => pointed(tile, event));
  canvas.addEventListener("mouseleave", () => light(null));
  canvas.addEventListener("click", (event) => { const hit = under(tile, event); if (hit) openPerson(hit); });
  canvas.addEventListener("dblclick", () => alone(name));
  state.tiles.set(name, tile);
  $("#wall").append(box);
  return tile;
}
function alone(name) { state.alone = state.alone === name ? null : name; lay(); ask(); }
function lay() {
  const wall = $("#wall");
  const tiles = [...state.tiles.values()].filter((tile) => !state.alone || tile.name === state.alone);
  for (const tile of state.tiles.values()) tile.box.hidden = !tiles.includes(tile);
  $("#empty").hidden = tiles.length > 0;
  if (!tiles.length) return;
  const ratios = tiles.map((tile) => (tile.data && tile.data.size[0] ? tile.data.size[0] / tile.data.size[1] : 16 / 9));
  const ratio = ratios.sort((a, b) => a - b)[Math.floor(ratios.length / 2)];
  const narrow = matchMedia("(max-width: 900px)").matches;
  const width = wall.clientWidth;
  const height = narrow ? Infinity : wall.clientHeight;
  let best = { size: 0, columns: 1 };
  for (let columns = 1; columns <= tiles.length; columns += 1) {
    const rows = Math.ceil(tiles.length / columns);
    const size = Math.min((width - 8 * (columns - 1)) / columns, ((height - 8 * (rows - 1)) / rows) * ratio);
    if (size > best.size + 0.5) best = { size, columns };
  }
  if (narrow) best = { columns: tiles.length > 4 ? 2 : 1, size: tiles.length > 4 ? (width - 8) / 2 : width };
  const side = Math.max(120, Math.floor(best.size));
  wall.style.gridTemplateColumns = `repeat(${best.columns}, ${side}px)`;
  for (const tile of tiles) tile.box.style.height = `${Math.round(side / ratio)}px`;
  for (const tile of tiles) draw(tile);
}
async function takeTile(data, part) {
  const fresh = !state.tiles.has(data.camera);
  const tile = tileOf(data.camera);
  const before = tile.data;
  tile.data = data;
  if (part.byteLength) {
    const image = await createImageBitmap(new Blob([part], { type: "image/jpeg" }));
    if (tile.data !== data) { image.close(); return; }
    if (tile.image) tile.image.close();
    tile.image = image;
  }
  follow(tile);
  if (fresh || !before || before.size[0] / before.size[1] !== data.size[0] / data.size[1]) { lay(); ask(); } else draw(tile);
}
function follow(tile) {
  const present = new Map();
  for (const row of tile.data.tracks) {
    const [track, person, , seen, x1, , x2, y2] = row;
    const points = tile.trails.get(track) || [];
    if (seen) points.seen = tile.data.time;
    row[3] = tile.data.time - points.seen <= GRACE;
    points.push([tile.data.time, (x1 + x2) / 2, y2]);
    while (points.length && !(tile.data.time - points[0][0] >= 0 && tile.data.time - points[0][0] <= TRAIL)) points.shift();
    present.set(track, points);
    points.person = person;
  }
  tile.trails = present;
}
function frameOf(tile, width, height) {
  const ratio = tile.data.size[0] ? tile.data.size[0] / tile.data.size[1] : width / height;
  const wide = Math.min(width, height * ratio);
  return [(width - wide) / 2, (height - wide / ratio) / 2, wide, wide / ratio];
}
function draw(tile) {
  const { canvas } = tile;
  const scale = Math.min(devicePixelRatio, 2);
  const width = Math.round(canvas.clientWidth * scale);
  const height = Math.round(canvas.clientHeight * scale);
  if (!width || !tile.data) return;
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const pen = canvas.getContext("2d");
  const [left, top, wide, tall] = frameOf(tile, width, height);
  pen.clearRect(0, 0, width, height);
  if (tile.image) pen.drawImage(tile.image, left, top, wide, tall);
  pen.lineJoin = "round";
  pen.lineCap = "round";
  const unit = scale * Math.max(0.8, Math.min(1.5, canvas.clientWidth / 480));
  outlines(pen, tile, [left, top, wide, tall], unit);
  for (const [track, points] of tile.trails) trail(pen, points, [left, top, wide, tall], unit);
  tile.hits = [];
  const rows = [...tile.data.tracks].sort((a, b) => a[7] - b[7]);
  for (const row of rows) person(pen, tile, row, [left, top, wide, tall], unit, scale);
}
function outlines(pen, tile, [left, top, wide, tall], unit) {
  const [width, height] = tile.data.size;
  if (!state.site || !width) return;
  for (const { name, points } of state.site.outlines.filter((one) => one.camera === tile.name)) {
    const places = points.map(([x, y]) => [left + x / width * wide, top + y / height * tall]);
    pen.beginPath();
    places.forEach(([x, y], number) => { if (number) pen.lineTo(x, y); else pen.moveTo(x, y); });
    if (places.length > 2) { pen.closePath(); pen.fillStyle = "rgb(255 255 255 / 7%)"; pen.fill(); }
    pen.setLineDash([2 * unit, 4 * unit]);
    pen.lineWidth = 1.6 * unit;
    pen.strokeStyle = "rgb(255 255 255 / 75%)";
    pen.stroke();
    pen.setLineDash([]);
    const low = places.reduce((a, b) => (b[1] > a[1] ? b : a));
    pen.font = `600 ${11 * unit}px system-ui, sans-serif`;
    pen.textBaseline = "bottom";
    const x = Math.min(Math.max(low[0], left + 4 * unit), left + wide - pen.measureText(name).width - 4 * unit);
    const y = Math.min(low[1] - 3 * unit, top + tall - 4 * unit);
    pen.lineWidth = 3 * unit;
    pen.strokeStyle = "rgb(0 0 0 / 55%)";
    pen.strokeText(name, x, y);
    pen.fillStyle = "#ffffff";
    pen.fillText(name, x, y);
  }
}
function trail(pen, points, [left, top, wide, tall], unit) {
  if (!(points.person > 0)) return;
  const newest = points[points.length - 1][0];
  pen.strokeStyle = colour(points.person);
  pen.lineWidth = 3 * unit;
  for (let place = 1; place < points.length; place += 1) {
    pen.globalAlpha = Math.max(0, 1 - (newest - points[place][0]) / TRAIL) * (state.lit && state.lit !== points.person ? 0.15 : 0.75);
    pen.beginPath();
    pen.moveTo(left + points[place - 1][1] * wide, top + points[place - 1][2] * tall);
    pen.lineTo(left + points[place][1] * wide, top + points[place][2] * tall);
    pen.stroke();
  }
  pen.globalAlpha = 1;
}
function person(pen, tile, row, [left, top, wide, tall], unit, scale) {
  const [, who, sure, seen, x1, y1, x2, y2] = row;
  const [x, y, w, h] = [left + x1 * wide, top + y1 * tall, (x2 - x1) * wide, (y2 - y1) * tall];
  pen.globalAlpha = state.lit && state.lit !== who ? 0.28 : 1;
  pen.setLineDash(seen ? [] : [5 * unit, 5 * unit]);
  if (seen) {
    pen.strokeStyle = "rgb(10 14 20 / 55%)";
    pen.lineWidth = (who > 0 ? 4 : 2.6) * unit;
    round(pen, x, y, w, h, 4 * unit);
    pen.stroke();
  }
  pen.strokeStyle = colour(who);
  pen.lineWidth = (who > 0 ? (state.lit === who ? 3.2 : 2.2) : 1.3) * unit;
  round(pen, x, y, w, h, 4 * unit);
  pen.stroke();
  pen.setLineDash([]);
  if (who > 0) {
    tile.hits.push([who, x / scale, y / scale, w / scale, h / scale]);
    plate(pen, named(who) || `${who}${sure === 2 ? "" : "?"}`, who, [x, y], unit);
  }
  pen.globalAlpha = 1;
}
function plate(pen, text, who, [x, y], unit) {
  const size = 13 * unit;
  pen.font = `700 ${size}px system-ui, sans-serif`;
  const wide = pen.measureText(text).width + size * 0.8;
  const tall = size * 1.4;
  const left = Math.max(0, Math.min(x - unit, pen.canvas.width - wide));
  const top = y - tall >= 0 ? y - tall : Math.max(0, y);
  pen.fillStyle = colour(who);
  round(pen, left, top, wide, tall, 4 * unit);
  pen.fill();
  pen.fillStyle = ink(who);
  pen.textBaseline = "middle";
  pen.fillText(text, left + size * 0.4, top + tall * 0.54);
}
function round(pen, x, y, w, h, r) { pen.beginPath(); pen.roundRect(x, y, Math.max(w, 1), Math.max(h, 1), Math.min(r, w / 2, h / 2)); }
function under(tile, event) {
  const found = tile.hits.filter(([, x, y, w, h]) => event.offsetX >= x && event.offsetX <= x + w && event.offsetY >= y && event.offsetY <= y + h);
  return found.length ? found.sort((a, b) => a[3] * a[4] - b[3] * b[4])[0][0] : null;
}
function pointed(tile, event) { const hit = under(tile, event); tile.box.classList.toggle("hot", hit !== null); light(hit); }
function light(person) {
  if (state.lit === person) return;
  state.lit = person;
  for (const button of document.querySelectorAll("#people button")) button.classList.toggle("lit", Number(button.dataset.person) === person);
  for (const tile of state.tiles.values()) if (!tile.box.hidden) draw(tile);
}

/* ---------- the site ---------- */
function showSite() {
  const { site } = state;
  const names = new Set(site.cameras.map((camera) => camera.name));
  let changed = false;
  for (const [name, tile] of state.tiles) if (!names.has(name)) { tile.box.remove(); state.tiles.delete(name); changed = true; }
  for (const camera of site.cameras) { if (!state.tiles.has(camera.name)) changed = true; showCamera(tileOf(camera.name), camera); }
  if (changed) { lay(); ask(); }
  header();
  showPeople();
  showLately();
  showZones();
  if (state.open) refreshPerson();
}
function showCamera(tile, camera) {
  const well = camera.state === "online";
  tile.box.className = `tile ${well ? "online" : camera.state === "waiting" ? "" : "bad"}${tile.box.classList.contains("hot") ? " hot" : ""}`;
  tile.numbers.textContent = well ? `${camera.people} · ${camera.rate.toFixed(camera.rate < 9.5 ? 1 : 0)}/s` : "";
  tile.numbers.title = well ? `${camera.people} people, ${camera.rate.toFixed(1)} pictures per second, ${milliseconds(camera.delay === null ? camera.busy : camera.delay)} ${camera.delay === null ? "of work" : "late"}` : "";
  tile.numbers.hidden = !well;
  tile.veil.hidden = well || state.site.ended;
  $("b", tile.veil).textContent = camera.state === "waiting" ? "waiting for a picture" : `${camera.state}${camera.pictures ? ` for ${span(now() - camera.since)}` : ""}`;
  $("span", tile.veil).textContent = camera.reason || "";
}
function header(reason = "") {
  const pill = $("#state");
  const { site } = state;
  const list = $("#trouble ul");
  let troubles = site ? site.problems : [];
  $("#wall").classList.toggle("stale", !state.connected);
  if (!state.connected) {
    pill.className = "pill bad";
    pill.textContent = "no connection";
    troubles = [`the site does not answer${reason ? `: ${reason}` : ""}; what is shown is from ${site ? clock(site.at) : "nowhere"}, and it is tried again`];
  } else if (site.ended) {
    pill.className = "pill";
    pill.textContent = "the run has ended";
    troubles = [];
  } else {
    const well = site.cameras.filter((camera) => camera.state === "online").length;
    pill.className = `pill ${troubles.length === 0 ? "good" : well ? "warn" : "bad"}`;
    const cameras = `${well} ${well === 1 ? "camera" : "cameras"}`;
    const some = well < site.cameras.length ? `${well} of ${site.cameras.length} cameras well` : `${cameras} well, trouble below`;
    pill.textContent = troubles.length === 0 ? `${cameras}, all well` : some;
  }
  if (site && site.quality && state.connected && !site.ended) troubles = [...troubles, site.quality];
  $("#trouble").classList.toggle("mild", Boolean(site) && state.connected && site.problems.length === 0);
  list.replaceChildren(...troubles.map((trouble) => el("li", {}, trouble)));
  if ($("#trouble").hidden !== (troubles.length === 0)) { $("#trouble").hidden = troubles.length === 0; lay(); }
  if (!site) return;
  const late = site.latency.delay.p50 !== null;
  const latency = late ? site.latency.delay : site.latency.busy;
  $("#f-people").textContent = site.people.filter((one) => one.here).length;
  $("#f-rate").textContent = site.cameras.reduce((sum, camera) => sum + camera.rate, 0).toFixed(1);
  $("#f-latency-name").textContent = late ? "latency" : "work/picture";
  $("#f-latency").textContent = milliseconds(latency.p50);
  $("#f-latency").title = `median; 95 % within ${milliseconds(latency.p95)}`;
  $("#f-time").textContent = clock(site.at);
}
function showPeople() {
  const { people } = state.site;
  const here = people.filter((one) => one.here).length;
  $("#people .count").textContent = people.length ? `${here} here, ${people.length - here} left` : "";
  $("#people .none").hidden = people.length > 0;
  const list = $("#people ol");
  const old = new Map([...list.children].map((item) => [item.dataset.key, item]));
  list.replaceChildren(...people.slice(0, 200).map((one) => personRow(one, old.get(String(one.person)))));
}
function personRow(one, item) {
  if (!item) {
    const button = el("button", { onclick: () => openPerson(one.person), onmouseenter: () => light(one.person), onmouseleave: () => light(null) });
    button.dataset.person = one.person;
    button.append(chip(one.person), el("span", { class: "where" }, el("span"), el("small")), el("span", { class: "when" }));
    item = el("li", {}, button);
    item.dataset.key = one.person;
  }
  const button = item.firstChild;
  button.classList.toggle("away", !one.here);
  button.firstChild.classList.toggle("maybe", one.state !== "confirmed");
  const cameras = Object.entries(one.seen).filter(([, at]) => one.last - at < 2).map(([name]) => name);
  const [where, more] = $(".where", button).children;
  where.textContent = [one.name, one.here ? cameras.join(", ") : `left ${cameras[0] || ""}`].filter(Boolean).join(" · ");
  more.textContent = one.zones.length ? `in ${one.zones.join(", ")}` : one.here ? `since ${clock(one.since)}` : `at ${clock(one.last)}`;
  $(".when", button).textContent = one.here ? span(now() - one.since) : `${span(now() - one.last)} ago`;
  return item;
}
function showLately() {
  const at = now();
  const rows = state.site.people.filter((one) => one.visits.some(([, , end]) => at - end < LATELY)).slice(0, 40);
  if ($("#lately").hidden !== (rows.length === 0)) $("#lately").hidden = rows.length === 0;
  const first = Math.min(...rows.flatMap((one) => one.visits.map(([, start]) => start)));
  const length = Math.max(30, Math.min(LATELY, Math.ceil((at - first) / 30) * 30));
  $("#lately .count").textContent = `last ${span(length)}`;
  $(".lanes").replaceChildren(...rows.flatMap((one) => [link(one.person), lane(one, at, length)]));
}
function lane(one, at, length) {
  const made = el("div", { class: "lane" });
  const ends = [];
  for (const [camera, start, end] of one.visits.filter(([, , last]) => at - last < length).sort((a, b) => a[1] - b[1])) {
    let row = ends.findIndex((before) => before <= start);
    if (row < 0) row = Math.min(ends.length, 3);
    ends[row] = end;
    const from = Math.min(0.994, Math.max(0, 1 - (at - start) / length));
    const piece = el("span", { title: `${camera}, ${clock(start)} to ${clock(end)}` }, camera);
    piece.style.left = `${100 * from}%`;
    piece.style.width = `${Math.max(0.6, 100 * (1 - (at - end) / length - from))}%`;
    piece.style.top = `${18 * row}px`;
    piece.style.background = colour(one.person);
    piece.style.color = ink(one.person);
    made.append(piece);
  }
  made.style.height = `${18 * ends.length}px`;
  made.addEventListener("mouseenter", () => light(one.person));
  made.addEventListener("mouseleave", () => light(null));
  return made;
}
function showZones() {
  const { zones, lines } = state.site;
  if ($("#zones").hidden !== (zones.length + lines.length === 0)) $("#zones").hidden = zones.length + lines.length === 0;
  const rows = zones.map((zone) => el("tr", {}, el("td", {}, zone.name, " ", ...zone.people.slice(0, 8).flatMap((one) => [link(one), " "])), el("td", { class: "num", title: "inside" }, el("b", {}, String(zone.inside))), el("td", { class: "num soft", title: "came in, went out" }, `+${zone.entered} −${zone.left}`)));
  rows.push(...lines.map((line) => el("tr", {}, el("td", {}, line.name), el("td", { class: "num" }), el("td", { class: "num soft", title: "in, out" }, `in ${line.entered}, out ${line.left}`))));
  $("#zones tbody").replaceChildren(...rows);
}

/* ---------- events ---------- */
function words(event) {
  const { person, camera } = event;
  const who = person > 0 ? link(person) : `track ${event.track}`;
  switch (event.type) {
    case "person_enrolled": return [who, ` is new, at ${camera}`];
    case "person_recognised": return [who, ` recognised at ${camera}`];
    case "person_merged": return [chip(event.absorbed), " was ", link(person), " all along"];
    case "person_split": return [link(event.separated), " parted from ", link(person)];
    case "new": return [who, ` came, at ${camera}`];
    case "update": return [who, event.cameras.length ? ` is at ${event.cameras.join(", ")}` : " is out of sight"];
    case "end": return event.into > 0 ? [chip(person), " goes on as ", link(event.into)] : [who, ` left ${event.cameras.join(", ")} (${event.reason})`];
    case "quality_changed": return [event.level ? `quality level ${event.level}: ${event.reason}` : `full quality: ${event.reason}`];
    case "storage_restored": return ["storage is back"];
    case "person_forgotten": return [chip(person), ` forgotten: ${event.reason}`];
    case "zone_entered": return [who, ` entered ${event.zone}`];
    case "zone_left": return [who, ` left ${event.zone} after ${span(event.dwell)}`];
    case "line_crossed": return [who, ` crossed ${event.line}, ${event.direction}`];
    case "track_started": return [`${camera}: track ${event.track} began`];
    case "track_ended": return [`${camera}: track ${event.track} ended`];
    case "camera_online": return [`${camera} is online`];
    default: return [`${camera ? `${camera}: ` : ""}${event.type.replaceAll("_", " ").replace(/^camera /, "")}${event.reason ? `: ${event.reason}` : ""}`];
  }
}
const group = (event) => Object.keys(GROUPS).find((name) => GROUPS[name].test(event.type)) || "site";
function eventRow(event) {
  const row = el("li", { class: /^(camera_(?!online|changed)|storage_lost|step_faulted)/.test(event.type) ? "new bad" : "new" }, el("time", {}, clock(event.at)), el("span", {}, ...words(event)));
  row.addEventListener("click", () => {
    const open = $("pre", row);
    if (open) { open.remove(); return; }
    const pre = el("pre", {}, JSON.stringify(event, null, 1));
    pre.addEventListener("click", (inner) => inner.stopPropagation());
    row.append(pre);
  });
  return row;
}
function takeEvents(events) {
  const list = $("#events ol");
  for (const event of events) {
    if (event.type === "person_forgotten") forget(event.person);
    state.events.push(event);
    if (state.shown.has(group(event))) list.prepend(eventRow(event));
  }
  state.events.splice(0, Math.max(0, state.events.length - 4 * KEPT));
  while (list.children.length > KEPT) list.lastChild.remove();
  $("#events .none").hidden = list.children.length > 0;
  if (state.open && events.some((event) => [event.person, event.absorbed, event.separated].includes(state.open))) openPerson(state.open);
}
function forget(person) {
  state.events = state.events.filter((event) => ![event.person, event.absorbed, event.separated].includes(person));
  listEvents();
}
function listEvents() {
  const shown = state.events.filter((event) => state.shown.has(group(event))).slice(-KEPT).reverse();
  $("#events ol").replaceChildren(...shown.map(eventRow));
  for (const row of $("#events ol").children) row.classList.remove("new");
  $("#events .none").hidden = shown.length > 0;
}
function filters() {
  $(".filters").append(...Object.keys(GROUPS).map((name) => {
    const button = el("button", { "aria-pressed": String(state.shown.has(name)) }, name);
    button.addEventListener("click", () => {
      if (!state.shown.delete(name)) state.shown.add(name);
      button.setAttribute("aria-pressed", String(state.shown.has(name)));
      listEvents();
    });
    return button;
  }));
}

/* ---------- one person ---------- */
async function openPerson(person) {
  state.open = person;
  const { ok, said: found } = await reach(`/api/people/${person}`);
  if (state.open !== person) return;
  const panel = $("#person div");
  $("#person").hidden = false;
  if (!ok) { panel.replaceChildren(el("p", {}, found.error)); return; }
  const title = el("div", { class: "title" }, chip(person), el("div", {}, el("b", { class: "p-name" }), el("span", { class: "soft p-state" })));
  const places = el("table", { class: "p-places" }, el("tbody"));
  const why = found.why.filter((event) => GROUPS.people.test(event.type)).reverse();
  panel.replaceChildren(title, el("div", { class: "p-shots" }), places, ...actions(person), el("h3", {}, `Why is this ${person}?`), ...(why.length ? why.map(reason) : [el("p", { class: "soft" }, "The decisions are older than what is held here; events.jsonl and the gallery have them.")]));
  refreshPerson();
}
function portraits() {
  const shots = [];
  for (const tile of state.tiles.values()) {
    const row = tile.data && tile.image && tile.data.tracks.find(([, who]) => who === state.open);
    if (!row) continue;
    const [x1, y1, x2, y2] = [Math.max(0, row[4] - 0.01), Math.max(0, row[5] - 0.01), Math.min(1, row[6] + 0.01), Math.min(1, row[7] + 0.01)];
    const { width, height } = tile.image;
    const canvas = el("canvas", { title: tile.name, "aria-label": `as ${tile.name} sees this person` });
    canvas.height = 240;
    canvas.width = Math.max(1, Math.round(240 * (x2 - x1) * width / Math.max(1e-3, (y2 - y1) * height)));
    canvas.getContext("2d").drawImage(tile.image, x1 * width, y1 * height, (x2 - x1) * width, (y2 - y1) * height, 0, 0, canvas.width, canvas.height);
    shots.push(canvas);
  }
  return shots;
}
function refreshPerson() {
  const one = state.site.people.find((other) => other.person === state.open);
  const name = $(".p-name");
  if (!name) return;
  name.textContent = one ? one.name || (one.here ? "here" : "left") : "not seen lately";
  $(".p-state").textContent = one ? `${one.state}, ${Math.round(one.confidence * 100)} % sure · since ${clock(one.since)}${one.zones.length ? ` · in ${one.zones.join(", ")}` : ""}` : "";
  $(".p-shots").replaceChildren(...portraits());
  $(".p-places tbody").replaceChildren(...(one ? Object.entries(one.seen).map(([camera, at]) => el("tr", {}, el("td", {}, camera), el("td", { class: "soft" }, `track ${one.tracks[camera]}`), el("td", { class: "num" }, now() - at < 2.5 ? "in view" : `${span(now() - at)} ago`))) : []));
}
function reason(event) {
  const told = el("div", { class: "why" }, el("p", {}, el("span", { class: "soft" }, `${clock(event.at)} `), ...words(event), event.track ? el("span", { class: "soft" }, ` (track ${event.track})`) : null));
  const weighed = [...(event.evidence ? [{ ...event.evidence, chosen: true }] : []), ...(event.alternatives || []).slice(0, 5)];
  if (!weighed.length) { told.append(el("p", { class: "soft" }, event.type === "person_enrolled" ? "Nobody known was near enough to be weighed." : "")); return told; }
  if (event.type === "person_enrolled") told.append(el("p", { class: "soft" }, "Nobody of these was like enough:"));
  const most = Math.max(...weighed.map((one) => Math.abs(one.score || 0)), 1e-6);
  const bars = el("div", { class: "bars" });
  for (const one of weighed) bars.append(...bar(one, most));
  told.append(bars);
  return told;
}
function bar(one, most) {
  const fill = el("i");
  const share = 50 * Math.abs(one.score || 0) / most;
  fill.style.left = `${one.score >= 0 ? 50 : 50 - share}%`;
  fill.style.width = `${Math.max(share, 1)}%`;
  const parts = [["appearance", one.appearance], ["time", one.time], ["place", one.place]].filter(([, value]) => value).map(([name, value]) => `${name} ${signed(value)}`);
  if (one.distance !== null && one.distance !== undefined) parts.push(`distance ${one.distance.toFixed(3)}`);
  return [link(one.person), el("span", { class: one.chosen ? "track chosen" : "track" }, fill), el("span", { class: "when" }, signed(one.score)), el("span", { class: "parts" }, parts.join(", ") || "no parts told")];
}

/* ---------- corrections ---------- */
function actions(person) {
  const may = state.site.corrections;
  if (!may.commands) return [];
  const buttons = [
    ...(may.names ? [el("button", { onclick: () => nameIt(person) }, "Name")] : []),
    el("button", { onclick: () => merge(person) }, "Merge"), el("button", { onclick: () => split(person) }, "Split"),
    el("button", { onclick: () => undo(person) }, "Undo"), el("button", { class: "danger", onclick: () => erase(person) }, "Forget"),
  ];
  return [el("h3", {}, "Correct"), el("div", { class: "actions" }, ...buttons)];
}
function question(title, text, fields = []) {
  const dialog = $("#ask");
  $("h3", dialog).textContent = title;
  $("p", dialog).textContent = text;
  $(".fields", dialog).replaceChildren(...fields);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => { dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }); });
}
async function send(body) {
  const { ok, said } = await reach("/api/corrections", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
  if (!ok) { toast(said.error, true); return; }
  if (said.request === undefined) return;
  toast("asked for; the site does it with its next step");
  for (let tries = 0; tries < 20; tries += 1) {
    await new Promise((resolve) => { setTimeout(resolve, 500); });
    const reply = await reach(`/api/corrections/${said.request}`);
    if (!reply.ok) { toast(reply.said.error, true); return; }
    const { state: became, text } = reply.said;
    if (became !== "waiting") { toast(text || became, became !== "done"); return; }
  }
}
function toast(text, bad = false) {
  const made = el("p", { class: bad ? "toast bad" : "toast", role: "status" }, text);
  $("#toasts").replaceChildren(made);
  setTimeout(() => made.remove(), bad ? 12000 : 5000);
}
async function nameIt(person) {
  const input = el("input", { maxlength: "64", value: named(person), "aria-label": "name" });
  if (await question(`Name ${person}`, "The name is kept with the identity; leave it empty to take it away.", [input])) await send({ name: person, text: input.value.trim() });
}
async function merge(person) {
  const input = el("input", { type: "number", min: "1", required: "", "aria-label": "Global ID" });
  if (await question(`Somebody was ${person} all along`, `Which Global ID is the same person? It becomes ${person}; this can be undone.`, [input])) await send({ merge: [person, Number(input.value)] });
}
async function split(person) {
  const one = state.site.people.find((other) => other.person === person);
  const boxes = Object.entries(one ? one.tracks : {}).map(([camera, track]) => [camera, track, el("input", { type: "checkbox" })]);
  const text = boxes.length ? "Which tracks are somebody else? They get a Global ID of their own; this can be undone." : "No track of this person is held here.";
  if (await question(`Part ${person}`, text, boxes.map(([camera, track, box]) => el("label", { class: "line" }, box, `${camera}, track ${track}`)))) {
    const tracks = boxes.filter(([, , box]) => box.checked).map(([camera, track]) => [camera, track]);
    if (tracks.length) await send({ split: person, tracks });
  }
}
async function undo(person) { if (await question(`Take the last correction of ${person} back?`, "Merges part again, parts merge again.")) await send({ undo: person }); }
async function erase(person) {
  const input = el("input", { pattern: String(person), required: "", "aria-label": "Global ID", autocomplete: "off" });
  if (await question(`Forget ${person}`, `Everything that is known of this person is erased, everywhere, for good. Type ${person} to confirm.`, [input])) { closePerson(); await send({ forget: person }); }
}
function closePerson() { state.open = null; $("#person").hidden = true; }

/* ---------- start ---------- */
filters();
$("#person .close").addEventListener("click", closePerson);
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || $("#ask").open) return;
  if (state.open) closePerson(); else if (state.alone) alone(state.alone);
});
document.addEventListener("visibilitychange", ask);
new ResizeObserver(() => { lay(); ask(); }).observe($("#wall"));
setInterval(watch, 1000);
setInterval(() => { if (state.site && state.connected) { showPeople(); $("#f-time").textContent = clock(now()); } }, 1000);
connect();
