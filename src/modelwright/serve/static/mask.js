// A mask is painted over the picture that a row begins with: what is white in it is made anew. A file can be given instead.
const MASKS = { init_image: "mask_image" };
const MASK_WORDS = {
  en: { paint: "Paint what is to be made anew", clear: "Start over", over: "Paint over what is to be made anew" },
  zh: { paint: "涂出要重新生成的部分", clear: "重新涂抹", over: "涂抹要重新生成的部分" },
};
const BRUSH = 0.09; // of the shorter side

// Offer to paint below a picture that was chosen, where the model reads a mask of it.
function maskOver(column, place) {
  const old = place.querySelector(".painter");
  if (old) old.remove();
  const mask = schema.columns.find((c) => c.name === MASKS[column.name]);
  const held = chosen.get(column.name);
  if (!mask || !held) return;
  const words = MASK_WORDS[lang];
  const box = make("div", { className: "painter" });
  const button = make("button", { type: "button", className: "small", textContent: words.paint });
  button.addEventListener("click", () => {
    const picture = new Image();
    picture.addEventListener("load", () => box.replaceChildren(...painted(picture, mask, words)));
    picture.src = held.url;
  });
  box.append(button);
  place.insertBefore(box, place.querySelector(".note"));
}

function painted(picture, mask, words) {
  const size = { width: picture.naturalWidth, height: picture.naturalHeight };
  const shown = make("canvas", { ...size, role: "img", ariaLabel: words.over });
  const white = make("canvas", size);
  const [above, below] = [shown.getContext("2d"), white.getContext("2d")];
  let last = null;
  const clear = () => {
    above.drawImage(picture, 0, 0);
    below.fillStyle = "black";
    below.fillRect(0, 0, size.width, size.height);
  };
  const give = () => white.toBlob((blob) => app.querySelector(`.media[data-column="${CSS.escape(mask.name)}"]`)
    .dispatchEvent(new CustomEvent("given", { detail: new File([blob], "mask.png", { type: "image/png" }) })));
  const draw = (event) => {
    const rect = shown.getBoundingClientRect();
    const at = [(event.clientX - rect.left) * size.width / rect.width, (event.clientY - rect.top) * size.height / rect.height];
    for (const [context, colour] of [[above, "#e5484d"], [below, "white"]]) {
      Object.assign(context, { strokeStyle: colour, lineWidth: BRUSH * Math.min(size.width, size.height), lineCap: "round" });
      context.beginPath();
      context.moveTo(...(last || at));
      context.lineTo(...at);
      context.stroke();
    }
    last = at;
  };
  shown.addEventListener("pointerdown", (event) => { shown.setPointerCapture(event.pointerId); last = null; draw(event); });
  shown.addEventListener("pointermove", (event) => { if (event.buttons) draw(event); });
  shown.addEventListener("pointerup", give);
  const again = make("button", { type: "button", className: "small", textContent: words.clear });
  again.addEventListener("click", clear);
  clear();
  return [make("p", { className: "hint", textContent: words.over }), shown, again];
}
