"use strict";
// Fields for pictures, sound, clips and series, and heat maps over them. Words of both languages stand in page.js.
const FILES = ["image", "audio", "video"];
const NESTED = "series";
const chosen = new Map(); // column -> { data: data URL, url: blob URL, name, size }

function sizeOf(bytes) {
  return bytes < 1000 ? `${bytes} B` : bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function asDataUrl(blob) {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result);
    reader.onerror = () => failed(reader.error);
    reader.readAsDataURL(blob);
  });
}

async function take(column, file, place) {
  const note = place.querySelector(".note");
  if (Math.ceil(file.size / 3) * 4 + 100 > column.longest) {
    note.textContent = say("large")(sizeOf(Math.floor(column.longest * 0.75)));
    return;
  }
  forget(column);
  const data = await asDataUrl(file);
  // a file without a known type must still begin as data of the column's kind
  chosen.set(column.name, { data: data.replace(/^data:[^;,]*;?[^,]*,/, `data:${file.type || `${column.modality}/x`};base64,`),
    url: URL.createObjectURL(file), name: file.name || say("pasted"), size: file.size });
  fill(column, place);
  note.textContent = "";
  place.querySelector("input").focus({ preventScroll: true });
}

function forget(column) {
  const before = chosen.get(column.name);
  if (before) URL.revokeObjectURL(before.url);
  chosen.delete(column.name);
}

function preview(column, held) {
  if (column.modality === "image") {
    const picture = make("img", { src: held.url, alt: say("chosen")(held.name), className: "preview" });
    picture.addEventListener("error", () => picture.remove()); // a kind of file that only the service can show
    return picture;
  }
  return make(column.modality, { src: held.url, controls: true, className: "preview", preload: "metadata" });
}

function fill(column, place) {
  const held = chosen.get(column.name);
  const inside = place.querySelector(".inside");
  if (schema) maskOver(column, place);
  place.classList.toggle("full", Boolean(held));
  if (!held) {
    const ask = make("p", {}, `${say(`drop_${column.modality}`)} `, make("span", { className: "link", textContent: say("choose") }));
    const parts = [make("span", { className: `sign ${column.modality}`, ariaHidden: "true" }), ask];
    if (column.modality === "image") parts.push(make("p", { className: "hint", textContent: say("paste") }));
    inside.replaceChildren(...parts);
    const old = place.querySelector(".held");
    if (old) old.remove();
    return;
  }
  inside.replaceChildren(preview(column, held));
  const remove = make("button", { type: "button", className: "small", textContent: say("remove"), ariaLabel: `${say("remove")}: ${held.name}` });
  remove.addEventListener("click", () => {
    forget(column);
    place.querySelector("input").value = "";
    fill(column, place);
    place.querySelector("input").focus();
  });
  const old = place.querySelector(".held");
  if (old) old.remove();
  place.insertBefore(make("p", { className: "held" }, make("span", { className: "file-name", textContent: held.name }),
    make("span", { className: "hint", textContent: sizeOf(held.size) }), remove), place.querySelector(".note"));
}

function droppable(zone, onFile) {
  zone.addEventListener("dragover", (event) => { event.preventDefault(); zone.classList.add("over"); });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    if (event.dataTransfer.files.length) onFile(event.dataTransfer.files[0]);
  });
}

function fileField(column, id) {
  const input = make("input", { id, type: "file", className: "file", accept: [`${column.modality}/*`, ...(column.suffixes || [])].join(",") });
  const zone = make("label", { className: "drop", htmlFor: id }, input, make("div", { className: "inside" }));
  const place = make("div", { className: "media" }, zone, make("p", { className: "note problem", role: "status" }));
  place.dataset.column = column.name;
  const get = (file) => take(column, file, place).catch(() => { place.querySelector(".note").textContent = say("problem"); });
  input.setAttribute("aria-label", `${column.name}: ${say(`drop_${column.modality}`)} ${say("choose")}`);
  input.addEventListener("change", () => input.files.length && get(input.files[0]));
  droppable(zone, get);
  place.addEventListener("given", (event) => get(event.detail));
  fill(column, place);
  if (column.modality === "image" && navigator.mediaDevices) place.append(camera(get, place));
  if (column.modality === "audio" && navigator.mediaDevices && window.MediaRecorder) place.append(recorder(get, place));
  return place;
}

// A picture or sound in the clipboard goes to the field in focus, else to the first empty one of its kind.
document.addEventListener("paste", (event) => {
  const file = [...(event.clipboardData ? event.clipboardData.files : [])][0];
  if (!file || !schema) return;
  const kind = file.type.split("/")[0];
  const fits = schema.columns.filter((c) => c.modality === kind);
  const focused = fits.find((c) => document.activeElement && document.activeElement.closest(`[data-column="${CSS.escape(c.name)}"]`));
  const column = focused || fits.find((c) => !chosen.has(c.name)) || fits[0];
  if (!column) return;
  event.preventDefault();
  app.querySelector(`.media[data-column="${CSS.escape(column.name)}"]`).dispatchEvent(new CustomEvent("given", { detail: file }));
});

function recorder(get, place) {
  const button = make("button", { type: "button", className: "small record", textContent: say("record") });
  let running = null;
  button.addEventListener("click", async () => {
    if (running) { running.stop(); return; }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
      const parts = [];
      running = new MediaRecorder(stream);
      running.addEventListener("dataavailable", (event) => parts.push(event.data));
      running.addEventListener("stop", async () => {
        stream.getTracks().forEach((track) => track.stop());
        button.textContent = say("record");
        button.classList.remove("on");
        running = null;
        get(new File([await asWav(new Blob(parts))], say("recording"), { type: "audio/wav" }));
      });
      running.start();
      button.textContent = say("stop");
      button.classList.add("on");
    } catch (error) {
      place.querySelector(".note").textContent = say("microphone");
    }
  });
  return button;
}

// A picture from the camera: shown live, taken by the same button.
function camera(get, place) {
  const button = make("button", { type: "button", className: "small record", textContent: say("camera") });
  let live = null;
  const end = () => {
    live.stream.getTracks().forEach((track) => track.stop());
    live.video.remove();
    live = null;
    button.textContent = say("camera");
    button.classList.remove("on");
  };
  button.addEventListener("click", async () => {
    if (live) {
      const { video } = live;
      const canvas = make("canvas", { width: video.videoWidth, height: video.videoHeight });
      canvas.getContext("2d").drawImage(video, 0, 0);
      end();
      canvas.toBlob((blob) => blob && get(new File([blob], "camera.jpg", { type: "image/jpeg" })), "image/jpeg", 0.92);
      return;
    }
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      const video = make("video", { className: "preview", muted: true, playsInline: true, srcObject: stream });
      live = { stream, video };
      place.insertBefore(video, button);
      await video.play();
      button.textContent = say("shoot");
      button.classList.add("on");
    } catch (error) {
      if (live) end();
      place.querySelector(".note").textContent = say("nocamera");
    }
  });
  return button;
}

// Found boxes over the picture that was sent, and how many there are of each label.
const HUES = [212, 12, 140, 280, 40, 180, 330, 90];

function boxesFigure(found) {
  const counts = new Map();
  for (const b of found) counts.set(b.label, (counts.get(b.label) || 0) + 1);
  const told = [...counts.entries()].sort((a, b) => b[1] - a[1]).map(([label, n]) => `${label} ${n}`).join(", ");
  const says = make("p", { className: "said", textContent: found.length ? told : say("nothing") });
  const column = schema.columns.find((c) => c.modality === "image" && chosen.has(c.name));
  if (!column) return says;
  const labels = [...counts.keys()].sort();
  const image = make("img", { src: chosen.get(column.name).url, alt: found.length ? say("boxes")(told) : say("nothing") });
  const canvas = make("canvas", { ariaHidden: "true" });
  const frame = make("div", { className: "frame boxes" }, image, canvas);
  image.addEventListener("load", () => {
    const up = Math.max(1, 800 / image.naturalWidth); // lines and letters stay fine over small pictures
    canvas.width = Math.round(image.naturalWidth * up);
    canvas.height = Math.round(image.naturalHeight * up);
    const pen = canvas.getContext("2d");
    const thick = Math.max(2, canvas.width / 320);
    pen.lineWidth = thick;
    pen.font = `600 ${Math.round(7 * thick)}px system-ui, sans-serif`;
    for (const b of [...found].sort((a, c) => a.score - c.score)) {
      const [left, top, right, bottom] = b.box.map((v) => v * up);
      const colour = `hsl(${HUES[labels.indexOf(b.label) % HUES.length]} 85% 45%)`;
      pen.strokeStyle = colour;
      pen.strokeRect(left, top, right - left, bottom - top);
      const text = `${b.label} ${b.score.toFixed(2)}`, wide = pen.measureText(text).width + 4 * thick, high = 9 * thick;
      const y = top > high ? top - high : top;
      pen.fillStyle = colour;
      pen.fillRect(left - thick / 2, y, wide, high);
      pen.fillStyle = "#fff";
      pen.fillText(text, left + 1.5 * thick, y + 7 * thick);
    }
  });
  return make("figure", { className: "heat" }, frame, make("figcaption", {}, says));
}

// Browsers record in formats of their own; every service reads WAV.
async function asWav(blob) {
  const context = new AudioContext({ sampleRate: 16000 });
  const sound = await context.decodeAudioData(await blob.arrayBuffer());
  await context.close();
  const samples = sound.getChannelData(0);
  const out = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, letters) => [...letters].forEach((c, i) => out.setUint8(at + i, c.charCodeAt(0)));
  text(0, "RIFF"); out.setUint32(4, 36 + 2 * samples.length, true); text(8, "WAVEfmt ");
  out.setUint32(16, 16, true); out.setUint16(20, 1, true); out.setUint16(22, 1, true);
  out.setUint32(24, 16000, true); out.setUint32(28, 32000, true); out.setUint16(32, 2, true); out.setUint16(34, 16, true);
  text(36, "data"); out.setUint32(40, 2 * samples.length, true);
  samples.forEach((s, i) => out.setInt16(44 + 2 * i, Math.max(-1, Math.min(1, s)) * 32767, true));
  return new Blob([out.buffer], { type: "audio/wav" });
}

// Numbers in lines (CSV, with or without a header) or JSON, as channels: the shorter side of the table.
function readSeries(text) {
  const plain = text.trim();
  if (!plain) return null;
  if (plain.startsWith("[")) {
    const found = JSON.parse(plain);
    return Array.isArray(found[0]) ? found : [found];
  }
  let lines = plain.split(/\r?\n/).map((line) => line.trim().split(/[,;\t ]+/).map((v) => (v === "" ? null : Number(v))));
  if (lines.length > 1 && lines[0].some(Number.isNaN)) lines = lines.slice(1);
  if (lines.some((line) => line.some(Number.isNaN))) throw new Error(say("numbers"));
  const width = Math.max(...lines.map((line) => line.length));
  if (lines.length <= width) return lines;
  return Array.from({ length: width }, (_, i) => lines.map((line) => (line[i] === undefined ? null : line[i])));
}

function sketch(canvas, channels) {
  const style = getComputedStyle(document.documentElement);
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, canvas.width, canvas.height);
  channels.slice(0, 8).forEach((values, c, all) => {
    const known = values.filter((v) => v !== null);
    const low = Math.min(...known), span = Math.max(...known) - low || 1, lane = canvas.height / all.length;
    pen.strokeStyle = style.getPropertyValue("--accent");
    pen.lineWidth = 1.5;
    pen.beginPath();
    values.forEach((v, i) => v !== null && pen.lineTo(i / Math.max(1, values.length - 1) * canvas.width, lane * (c + 0.9 - 0.8 * (v - low) / span)));
    pen.stroke();
  });
}

function seriesField(column, id) {
  const input = make("textarea", { id, name: column.name, placeholder: say("series"), spellcheck: false });
  const canvas = make("canvas", { className: "sketch", width: 640, height: 90, hidden: true });
  const note = make("p", { className: "note problem", role: "status" });
  input.dataset.modality = NESTED;
  const look = () => {
    let found = null;
    note.textContent = "";
    try { found = readSeries(input.value); } catch (error) { note.textContent = say("numbers"); }
    canvas.hidden = !found;
    if (found) sketch(canvas, found);
  };
  input.addEventListener("input", look);
  const place = make("div", { className: "media" }, input, canvas, note);
  droppable(place, (file) => file.text().then((text) => { input.value = text; look(); }));
  return place;
}

const kindOf = (name) => (schema.columns.find((c) => c.name === name) || {}).modality;
const tint = (value) => (value > 0 ? [40, 140, 255] : [255, 84, 61]);

function paint(canvas, heat) {
  const small = document.createElement("canvas");
  small.width = heat[0].length;
  small.height = heat.length;
  const pen = small.getContext("2d");
  const dots = pen.createImageData(small.width, small.height);
  heat.flat().forEach((v, i) => dots.data.set([...tint(v), 185 * Math.min(1, Math.abs(v)) ** 1.8], 4 * i));
  pen.putImageData(dots, 0, 0);
  const wide = canvas.getContext("2d");
  wide.imageSmoothingEnabled = true;
  wide.imageSmoothingQuality = "high";
  wide.clearRect(0, 0, canvas.width, canvas.height);
  wide.drawImage(small, 0, 0, canvas.width, canvas.height);
}

// Where the strongest third of a heat map lies, in words: for those who do not see it, and as a caption.
function whereabouts(heat, sign) {
  const third = (i, n) => Math.min(2, Math.floor(3 * (i + 0.5) / n));
  const sums = new Map();
  heat.forEach((line, y) => line.forEach((v, x) => {
    if (sign * v <= 0.2) return;
    const key = `${heat.length < 3 ? 1 : third(y, heat.length)}${third(x, line.length)}`;
    sums.set(key, (sums.get(key) || 0) + Math.abs(v));
  }));
  const best = [...sums.entries()].sort((a, b) => b[1] - a[1])[0];
  return best ? best[0] : null;
}

function legend() {
  return make("span", { className: "legend", ariaHidden: "true" }, make("i", { className: "minus" }), say("against"),
    make("i", { className: "plus" }), say("speaks"));
}

// A molecule, drawn by the service with its atoms tinted.
function drawnFigure(column, picture) {
  const frame = make("div", { className: "frame drawn" }, make("img", { src: picture, alt: column }));
  return make("figure", { className: "heat" }, frame, make("figcaption", {}, make("strong", { textContent: column }), ` ${say("atoms")}`,
    make("div", { className: "row" }, legend())));
}

function heatFigure(column, part, picture) {
  const image = make("img", { src: picture, alt: "" });
  const canvas = make("canvas", { ariaHidden: "true" });
  const frame = make("div", { className: "frame" }, image, canvas);
  image.addEventListener("load", () => {
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    if (Math.max(image.naturalWidth, image.naturalHeight) < 160) frame.classList.add("tiny");
    canvas.width = Math.max(canvas.width, 320);
    canvas.height = Math.round(canvas.width * image.naturalHeight / image.naturalWidth);
    paint(canvas, part.heat);
  });
  const toggle = make("button", { type: "button", className: "small", ariaPressed: "true", textContent: say("heat") });
  toggle.addEventListener("click", () => {
    const on = canvas.toggleAttribute("hidden") === false;
    toggle.ariaPressed = String(on);
  });
  const sign = whereabouts(part.heat, 1) ? 1 : -1;
  const key = whereabouts(part.heat, sign);
  const flat = part.heat.length < 3 || kindOf(column) !== "image";
  const told = key ? say(flat ? "when" : "where")(key, sign > 0) : say("nowhere");
  return make("figure", { className: "heat" }, frame, make("figcaption", {}, make("strong", { textContent: column }), ` ${told}`,
    make("div", { className: "row" }, toggle, legend())));
}
