"use strict";
const $ = (query) => document.querySelector(query);
const REACH = 12;
const state = { job: null, points: [], chosen: -1, found: null, dragged: -1, pointer: null, close: false, asked: 0, image: null, floor: null };

function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value); else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}
const known = () => state.points.filter((point) => point.ground.every((value) => value !== null));
function body() { return { points: known().map(({ name, image, ground }) => ({ name, image, ground })) }; }
async function post(path, content) {
  const answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}
async function picture(path) {
  const image = new Image();
  image.src = path;
  await image.decode();
  return image;
}

/* ---------- what the points mean ---------- */
async function refit() {
  const number = state.asked += 1;
  let found;
  try { found = await post("/api/fit", body()); } catch (error) { found = { problem: error.message }; }
  if (number !== state.asked) return;
  state.found = found;
  tell();
  draw();
}
function tell() {
  const verdict = $("#verdict");
  const { found } = state;
  $("#save").disabled = Boolean(found.problem);
  const rows = [...$("#points").children];
  for (const row of rows) { row.querySelector(".off").textContent = ""; row.classList.remove("out"); }
  if (found.problem) { verdict.className = known().length < 4 ? "" : "bad"; verdict.textContent = found.problem; return; }
  const worst = Math.max(...found.errors.filter((one) => one.used).map((one) => one.metres));
  const out = found.errors.filter((one) => !one.used).length;
  verdict.className = out ? "bad" : "good";
  const many = known().length === 4 ? "four points always fit; a fifth tells how good it is" : `points are off by at most ${worst.toFixed(2)} m`;
  verdict.textContent = out ? `${out} ${out === 1 ? "point does" : "points do"} not fit the others and ${out === 1 ? "is" : "are"} left out` : many;
  known().forEach((point, place) => {
    const row = rows[state.points.indexOf(point)];
    const { pixels, metres, used } = found.errors[place];
    row.querySelector(".off").textContent = pixels === null ? "not seen" : `${pixels.toFixed(1)} px, ${metres.toFixed(2)} m`;
    row.classList.toggle("out", !used);
  });
}
function ground([x, y]) {
  if (!state.found || !state.found.matrix) return null;
  const [a, b, c] = state.found.matrix.map((row) => row[0] * x + row[1] * y + row[2]);
  return c > 1e-12 ? [a / c, b / c] : null;
}

/* ---------- the list ---------- */
function list() {
  $("#points").replaceChildren(...state.points.map((point, place) => {
    const number = (axis) => el("input", {
      type: "number", step: "any", "aria-label": `${"XY"[axis]} in metres of ${point.name}`, value: point.ground[axis] === null ? "" : String(point.ground[axis]),
      oninput: (event) => { point.ground[axis] = event.target.value === "" ? null : Number(event.target.value); refit(); },
      onfocus: () => choose(place),
    });
    return el("tr", { class: place === state.chosen ? "chosen" : "" },
      el("td", {}, el("input", { class: "name", "aria-label": "name", maxlength: "64", value: point.name, oninput: (event) => { point.name = event.target.value; draw(); }, onfocus: () => choose(place) })),
      el("td", { class: "num" }, number(0)), el("td", { class: "num" }, number(1)), el("td", { class: "num off" }),
      el("td", {}, el("button", { "aria-label": `remove ${point.name}`, onclick: () => { state.points.splice(place, 1); choose(-1); list(); refit(); } }, "×")));
  }));
  $("#hint").textContent = state.points.length ? "" : "No point yet: click on a corner, a line or a tile of the floor.";
}
function choose(place) {
  state.chosen = place;
  [...$("#points").children].forEach((row, number) => row.classList.toggle("chosen", number === place));
  draw();
}
function add(image) {
  const used = new Set(state.points.map((point) => point.name));
  let number = state.points.length + 1;
  while (used.has(String(number))) number += 1;
  state.points.push({ name: String(number), image, ground: [null, null] });
  list();
  choose(state.points.length - 1);
  $("#points").lastChild.querySelector("input[type=number]").focus();
}

/* ---------- the picture ---------- */
function draw() {
  const canvas = $("#picture");
  const [width, height] = state.job.size;
  const wide = Math.min($("#view").clientWidth, (innerHeight - 150) * width / height);
  const scale = devicePixelRatio;
  canvas.style.width = `${wide}px`;
  canvas.style.height = `${wide * height / width}px`;
  canvas.width = wide * scale;
  canvas.height = wide * scale * height / width;
  const pen = canvas.getContext("2d");
  const zoom = canvas.width / width;
  pen.setTransform(zoom, 0, 0, zoom, 0, 0);
  if (state.close && state.pointer) {
    const [x, y] = state.pointer;
    pen.translate(x, y); pen.scale(4, 4); pen.translate(-x, -y);
  }
  const unit = scale / zoom / (state.close ? 4 : 1);
  pen.drawImage(state.image, 0, 0, width, height);
  lines(pen, unit);
  marks(pen, unit);
  plan();
}
function lines(pen, unit) {
  if (!state.found || !state.found.grid) return;
  const [width, height] = state.job.size;
  for (const { pixels, strong } of state.found.grid) {
    pen.strokeStyle = strong ? "rgb(255 235 90 / 90%)" : "rgb(150 235 210 / 60%)";
    pen.lineWidth = (strong ? 1.8 : 1) * unit;
    pen.beginPath();
    let open = false;
    for (const [x, y] of pixels) {
      const near = x !== null && Math.abs(x) < 8 * width && Math.abs(y) < 8 * height;
      if (near) { if (open) pen.lineTo(x, y); else pen.moveTo(x, y); }
      open = near;
    }
    pen.stroke();
  }
}
function marks(pen, unit) {
  state.points.forEach(({ name, image: [x, y] }, place) => {
    pen.lineWidth = 4 * unit;
    pen.strokeStyle = "rgb(0 0 0 / 60%)";
    ring(pen, x, y, unit);
    pen.lineWidth = 2 * unit;
    pen.strokeStyle = place === state.chosen ? "#ffffff" : "#4be07f";
    ring(pen, x, y, unit);
    pen.font = `700 ${13 * unit}px system-ui, sans-serif`;
    pen.lineWidth = 3 * unit;
    pen.strokeStyle = "rgb(0 0 0 / 70%)";
    pen.strokeText(name, x + 10 * unit, y - 8 * unit);
    pen.fillStyle = "#ffffff";
    pen.fillText(name, x + 10 * unit, y - 8 * unit);
  });
}
function ring(pen, x, y, unit) {
  pen.beginPath();
  pen.arc(x, y, 7 * unit, 0, 2 * Math.PI);
  pen.moveTo(x - 3 * unit, y); pen.lineTo(x + 3 * unit, y);
  pen.moveTo(x, y - 3 * unit); pen.lineTo(x, y + 3 * unit);
  pen.stroke();
}
function place(event) {
  const box = $("#picture").getBoundingClientRect();
  const [width, height] = state.job.size;
  let x = (event.clientX - box.left) / box.width * width;
  let y = (event.clientY - box.top) / box.height * height;
  if (state.close && state.pointer) { x = state.pointer[0] + (x - state.pointer[0]) / 4; y = state.pointer[1] + (y - state.pointer[1]) / 4; }
  return [Math.round(x * 10) / 10, Math.round(y * 10) / 10];
}
function nearest([x, y]) {
  const reach = REACH * state.job.size[0] / $("#picture").clientWidth / (state.close ? 4 : 1);
  let best = -1;
  let least = reach;
  state.points.forEach(({ image }, number) => { const far = Math.hypot(image[0] - x, image[1] - y); if (far < least) { best = number; least = far; } });
  return best;
}
function listen() {
  const canvas = $("#picture");
  canvas.addEventListener("pointerdown", (event) => {
    const at = place(event);
    const hit = nearest(at);
    if (hit >= 0) { state.dragged = hit; canvas.setPointerCapture(event.pointerId); choose(hit); } else add(at);
    event.preventDefault();
  });
  canvas.addEventListener("pointermove", (event) => {
    const at = place(event);
    if (!state.close) state.pointer = at;
    if (state.dragged >= 0) { state.points[state.dragged].image = at; refit(); draw(); }
    const metres = ground(at);
    $("#here").textContent = `${at[0].toFixed(0)}, ${at[1].toFixed(0)} px${metres ? ` = ${metres[0].toFixed(2)}, ${metres[1].toFixed(2)} m` : ""}`;
  });
  canvas.addEventListener("pointerup", () => { state.dragged = -1; });
  for (const [kind, close] of [["keydown", true], ["keyup", false]]) {
    document.addEventListener(kind, (event) => { if (event.key === "Shift" && state.close !== close) { state.close = close; draw(); } });
  }
  addEventListener("resize", draw);
  $("#floor").addEventListener("pointerdown", onFloor);
  $("#save").addEventListener("click", save);
  $("#done").addEventListener("click", finish);
}

/* ---------- the floor plan ---------- */
function plan() {
  const { plan: told } = state.job;
  if (!told || !state.floor) return;
  const canvas = $("#floor");
  const [width, height] = told.size;
  canvas.style.width = "100%";
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d");
  pen.drawImage(state.floor, 0, 0, width, height);
  const unit = width / Math.max(canvas.clientWidth, 1);
  pen.font = `700 ${12 * unit}px system-ui, sans-serif`;
  pen.lineWidth = 2 * unit;
  state.points.forEach(({ name, ground: [x, y] }, number) => {
    if (x === null || y === null) return;
    const at = [x / told.metres_per_pixel, height - y / told.metres_per_pixel];
    pen.strokeStyle = number === state.chosen ? "#d81b60" : "#118844";
    pen.fillStyle = pen.strokeStyle;
    ring(pen, at[0], at[1], unit);
    pen.fillText(name, at[0] + 9 * unit, at[1] - 6 * unit);
  });
}
function onFloor(event) {
  const { plan: told } = state.job;
  if (state.chosen < 0) { $("#told").textContent = "choose or click a point of the picture first"; return; }
  const box = $("#floor").getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width * told.size[0];
  const y = (event.clientY - box.top) / box.height * told.size[1];
  const round = (value) => Math.round(value * told.metres_per_pixel * 1000) / 1000;
  state.points[state.chosen].ground = [round(x), round(told.size[1] - y)];
  list();
  refit();
  event.preventDefault();
}

/* ---------- saving ---------- */
async function save() {
  try { const { written } = await post("/api/save", body()); $("#told").textContent = `written: ${written.join(", ")}`; } catch (error) { $("#told").textContent = error.message; }
}
async function finish() {
  try { await post("/api/done", {}); $("#told").textContent = "done; this page can be closed"; $("#save").disabled = true; } catch (error) { $("#told").textContent = error.message; }
}
async function start() {
  state.job = await (await fetch("/api/job", { cache: "no-store" })).json();
  state.points = state.job.points;
  state.image = await picture("/picture.jpg");
  if (state.job.plan) { $("#plan").hidden = false; state.floor = await picture("/plan.jpg"); }
  list();
  listen();
  draw();
  await refit();
}
start();
