// The image under the pointer, and the one that is looked at with its neighbours.
import { sent } from "./ask.js";
import { made } from "./map_legend.js";

const PATIENCE = 60; // milliseconds that a pointer rests before its image is asked for
const KEPT = 500;

export class Panel {
  constructor(root, look) {
    this.card = root.querySelector("#hover");
    this.side = root.querySelector("#image");
    this.look = look;
    this.version = "";
    this.known = new Map();
    this.waiting = null;
    this.point = null;
    this.shown = "";
    this.places = [];
  }

  async facts(point) {
    if (!this.known.has(point)) {
      const answer = await sent(`/v1/map/points/${point}?version=${this.version}`, {});
      if (this.known.size > KEPT) this.known.clear();
      this.known.set(point, await answer.json());
    }
    return this.known.get(point);
  }

  hover(point, place, size) {
    if (point === null) {
      clearTimeout(this.waiting);
      this.point = null;
      this.card.hidden = true;
      return;
    }
    if (point === this.point) return;
    this.point = point;
    this.card.hidden = true;
    clearTimeout(this.waiting);
    this.waiting = setTimeout(async () => {
      try {
        const facts = await this.facts(point);
        if (this.point !== point) return;
        this.card.replaceChildren(made("img", { src: thumbnail(facts.image_id), alt: "" }), ...said(facts));
        this.card.dataset.id = facts.image_id;
        this.card.hidden = false;
        const [width, height] = [this.card.offsetWidth, this.card.offsetHeight];
        const left = place[0] + 16 + width > size.width ? place[0] - 16 - width : place[0] + 16;
        const top = Math.max(4, Math.min(size.height - height - 4, place[1] - height / 2));
        this.card.style.transform = `translate(${Math.max(4, left)}px, ${top}px)`;
      } catch {
        this.point = null; // the next movement asks again
      }
    }, PATIENCE);
  }

  // Shows an image, with those that lie nearest among what is shown: the places of all of them, its own first.
  async show(image, selection) {
    const wanted = image ? `${image} ${selection}` : "";
    if (wanted === this.shown) return this.places;
    this.shown = wanted;
    if (!image) {
      this.side.hidden = true;
      return (this.places = []);
    }
    const facts = await (await sent(`/v1/map/images/${image}?${new URLSearchParams({ most: 12, map: selection })}`, {})).json();
    if (this.shown !== wanted) return this.places;
    this.fill(facts);
    this.alike(image);
    return (this.places = [facts, ...facts.near].map(({ x, y }) => [x, y]));
  }

  // Those that its features are most like, wherever they lie; the page does without them where there are none yet.
  async alike(image) {
    let found;
    try {
      found = (await (await sent(`/v1/neighbours?${new URLSearchParams({ id: image, k: 8 })}`, {})).json()).neighbours;
    } catch {
      return;
    }
    if (this.side.dataset.id !== image || this.side.hidden) return;
    this.side.append(made("h2", { textContent: "Most alike" }), this.pictures(found, "alike"));
  }

  pictures(images, kind) {
    const buttons = images.map((one) => {
      const button = made("button", { type: "button", title: one.category }, made("img", { src: thumbnail(one.image_id), alt: one.category, loading: "lazy" }));
      button.addEventListener("click", () => this.look(one.image_id));
      return button;
    });
    return made("div", { className: `near ${kind}` }, ...buttons);
  }

  fill(facts) {
    const whole = made("a", { href: `/images/${facts.image_id}`, className: "large" }, made("img", { src: thumbnail(facts.image_id), alt: "The image" }));
    const close = made("button", { type: "button", textContent: "×", ariaLabel: "Close", className: "close" });
    close.dataset.do = "close";
    this.side.replaceChildren(
      close, whole, ...said(facts), made("p", {}, made("a", { href: `/images/${facts.image_id}`, textContent: "All about it" })),
      made("h2", { textContent: "Nearest on the map" }), this.pictures(facts.near, "placed"),
    );
    this.side.dataset.id = facts.image_id;
    this.side.hidden = false;
  }
}

function said(facts) {
  const wrong = facts.quality.filter((one) => one !== "nothing wrong");
  const lines = [`${facts.category}, ${facts.day}`];
  if (facts.verdict === "taken for another") lines.push(`taken for ${facts.prediction}`);
  else if (facts.verdict === "unknown") lines.push("unknown to the classifier");
  if (facts.region) lines.push(`region ${facts.region}`);
  if (wrong.length) lines.push(wrong.join(", "));
  return lines.map((text, place) => made("span", { textContent: text, className: place ? "soft" : "" }));
}

function thumbnail(image) {
  return `/v1/images/${image}/thumbnail`;
}
