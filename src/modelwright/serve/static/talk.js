const words = {
  en: { title: "Talk", other: "中文", speak: "Talk", stop: "Stop", file: "Ask with a recording", hello: "Press Talk and ask; speak any time to interrupt.", wait: "Listening …", you: "You",
        answer: "Answer", from: "from", hush: "Be quiet", interrupted: "interrupted", problem: "Something went wrong.", stages: ["heard", "answered", "first sound"],
        noMic: "The microphone cannot be used: allow it in the browser, and open this page by https or on this machine." },
  zh: { title: "语音对话", other: "English", speak: "开始对话", stop: "停止", file: "用录音提问", hello: "点击“开始对话”并提问；随时可以说话打断。", wait: "聆听中……", you: "您",
        answer: "回答", from: "出处", hush: "停止播放", interrupted: "已打断", problem: "出错了。", stages: ["识别", "回答", "开始发声"],
        noMic: "无法使用麦克风：请在浏览器中允许，并通过 https 或在本机打开此页。" },
};
const app = document.getElementById("app");
let lang = app.dataset.lang === "zh" ? "zh" : "en";
let turns = [], open = "", problem = "", live = null, playing = [], ahead = 0, rate = 16000;
const say = (key) => words[lang][key];

// Everything is put in as text: nothing that was said becomes a link or a tag.
function make(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  for (const child of children) if (child !== null) node.append(child);
  return node;
}

function hush() {
  for (const source of playing) { try { source.stop(); } catch { /* it has ended */ } }
  playing = [];
  ahead = 0;
}

function play(bytes) {
  const held = new Int16Array(bytes);
  if (!live || !held.length) return;
  const sound = live.sound, made = sound.createBuffer(1, held.length, rate), to = made.getChannelData(0);
  for (let i = 0; i < held.length; i += 1) to[i] = held[i] / 32768;
  const source = sound.createBufferSource();
  source.buffer = made;
  source.connect(sound.destination);
  ahead = Math.max(ahead, sound.currentTime + 0.02);
  source.start(ahead);
  ahead += made.duration;
  playing.push(source);
  source.onended = () => { playing = playing.filter((s) => s !== source); };
}

const out = make("div", { className: "said" });
out.setAttribute("role", "log");
out.setAttribute("aria-live", "polite");

function tell() {
  const nodes = [];
  for (const t of turns) {
    nodes.push(make("p", {}, make("strong", { textContent: `${say("you")}: ` }), t.question));
    if (t.answer !== undefined) nodes.push(make("p", {}, make("strong", { textContent: `${say("answer")}: ` }), t.answer, t.cut ? make("span", { className: "hint", textContent: ` (${say("interrupted")})` }) : null));
    for (const c of t.citations || []) nodes.push(make("p", { className: "hint", textContent: `${say("from")} ${c.document}${c.heading ? ` › ${c.heading}` : ""}: ${c.text}` }));
    if (t.stages) nodes.push(make("p", { className: "hint stages", textContent: say("stages").map((s, i) => (t.stages[i] === null ? null : `${s} ${t.stages[i]}\u00a0ms`)).filter(Boolean).join(" · ") }));
    if (t.refused) nodes.push(make("p", { className: "problem", textContent: t.refused }));
  }
  if (open) nodes.push(make("p", { className: "hint", textContent: open }));
  if (problem) nodes.push(make("p", { className: "problem", textContent: problem }));
  else if (live && !open) nodes.push(make("p", { className: "hint", textContent: say("wait") }));
  else if (!nodes.length) nodes.push(make("p", { className: "hint", textContent: say("hello") }));
  out.replaceChildren(...nodes);
}

function heard(event) {
  const last = turns[turns.length - 1];
  const local = lang === "zh" ? event.message_zh : event.message;
  if (event.type === "ready" && event.voice_rate) rate = event.voice_rate;
  if (event.type === "partial") open = event.text;
  if (event.type === "final") { open = ""; turns.push({ question: event.text }); }
  if (event.type === "answer" && last) { last.answer = event.text; last.citations = event.citations; }
  if (event.type === "speech") rate = event.rate;
  if (event.type === "latency" && last) last.stages = [event.heard, event.answered, event.spoken];
  if (event.type === "interrupted") { hush(); if (last) last.cut = true; }
  if (event.type === "refused" && last) last.refused = local;
  if (event.type === "unspoken" && last) last.refused = local;
  if (event.type === "error") problem = local;
  if (event.type === "done" && live) live.finished = true;
  tell();
}

function connect(sound, from) {
  const address = new URL("v1/voice", document.baseURI);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.search = `rate=${Math.round(from)}&lang=${lang}`;
  const socket = new WebSocket(address);
  socket.binaryType = "arraybuffer";
  socket.onmessage = (e) => { if (typeof e.data === "string") heard(JSON.parse(e.data)); else play(e.data); };
  socket.onclose = () => { if (live && live.stop) live.stop(); live = playing.length ? live : null; show(); };
  live = { sound, socket };
  return socket;
}

const pcm = (from) => Int16Array.from(from, (v) => Math.max(-32768, Math.min(32767, Math.round(v * 32767)))).buffer;

async function begin() {
  problem = "";
  let stream;
  try { stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: true, noiseSuppression: true } }); }
  catch { problem = say("noMic"); show(); return; }
  const sound = new AudioContext(), socket = connect(sound, sound.sampleRate);
  const source = sound.createMediaStreamSource(stream), reader = sound.createScriptProcessor(2048, 1, 1);
  reader.onaudioprocess = (e) => { if (socket.readyState === WebSocket.OPEN) socket.send(pcm(e.inputBuffer.getChannelData(0))); };
  source.connect(reader);
  reader.connect(sound.destination);
  live.stop = () => { reader.disconnect(); stream.getTracks().forEach((t) => t.stop()); };
  show();
}

async function send(file) {
  problem = "";
  const sound = new AudioContext();
  let made;
  try { made = await sound.decodeAudioData(await file.arrayBuffer()); } catch { problem = say("problem"); show(); return; }
  const socket = connect(sound, made.sampleRate), all = made.getChannelData(0);
  socket.onopen = () => {
    for (let at = 0; at < all.length; at += 8192) socket.send(pcm(all.subarray(at, at + 8192)));
    socket.send(JSON.stringify({ type: "end" }));
  };
  show();
}

function end() {
  hush();
  if (live.stop) live.stop();
  if (live.socket.readyState === WebSocket.OPEN) live.socket.send(JSON.stringify({ type: "end" })); else live = null;
  show();
}

function show() {
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  document.title = say("title");
  const pick = make("input", { type: "file", accept: "audio/*,.wav,.flac,.mp3,.ogg", hidden: true, onchange: () => { if (pick.files[0]) send(pick.files[0]); } });
  app.replaceChildren(
    make("header", {}, make("h1", { textContent: say("title") }), make("button", { className: "plain", textContent: say("other"), onclick: () => { lang = lang === "zh" ? "en" : "zh"; show(); } })),
    make("div", { className: "ways" },
      make("button", { className: live ? "go stop" : "go", textContent: live ? say("stop") : say("speak"), onclick: () => (live ? end() : begin()) }),
      make("button", { className: "second", textContent: say("hush"), disabled: !live, onclick: () => { hush(); if (live.socket.readyState === WebSocket.OPEN) live.socket.send(JSON.stringify({ type: "stop" })); } }),
      make("button", { className: "second", textContent: say("file"), disabled: Boolean(live), onclick: () => pick.click() }), pick), out);
  tell();
}
show();
