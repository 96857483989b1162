// Marks of what is selected on the map: asked for with what the next run will change, kept, taken back.
import { ask } from "./ask.js";
import { button, changes, line, meant, meanwhile } from "./marking.js";

export class Marks {
  constructor(bar, chosen, fail) {
    this.bar = bar;
    this.says = bar.querySelector("#says");
    this.chosen = chosen;
    this.fail = fail;
    this.batch = null;
    this.since = bar.dataset.since; // the map was loaded after it
    this.busy = false;
    for (const one of bar.querySelectorAll("[data-mark]")) {
      one.addEventListener("click", () => (one.dataset.mark === "undo" ? this.undo() : this.propose(one.dataset.mark)));
    }
  }

  propose(what) {
    const named = what === "label" ? { category: this.bar.querySelector("#category").value } : {};
    const asked = { ...this.chosen(), what, since: this.since, ...named };
    return this.guarded(async () => {
      const preview = await (await ask("/v1/marks:preview", "POST", asked)).json();
      const row = document.createElement("div");
      row.className = "row";
      row.append(button("Agree", () => this.apply(asked), true), button("Cancel", () => this.say()));
      const told = [...meanwhile(preview, "would count"), ...changes(preview)];
      this.say(line(`${images(preview.images)} ${meant(asked)}?`), ...told.map(line), row);
      row.firstChild.focus();
    });
  }

  apply(asked) {
    return this.guarded(async () => {
      const kept = await (await ask("/v1/marks", "POST", asked)).json();
      this.remember(kept.batch);
      this.since = kept.at;
      const told = [`${images(kept.images)} ${meant(asked)}, from the next run on.`];
      this.say(...[...told, ...meanwhile(kept, "counts; what was said before comes back by taking it back")].map(line));
    });
  }

  undo() {
    return this.guarded(async () => {
      const back = await (await ask(`/v1/marks/${encodeURIComponent(this.batch)}`, "DELETE")).json();
      this.remember(null);
      this.say(line(`Taken back: what was said of ${images(back.images)}.`));
    });
  }

  remember(batch) {
    this.batch = batch;
    this.bar.querySelector('[data-mark="undo"]').disabled = !batch;
  }

  // A question is about what was selected then.
  forget() {
    if (this.says?.querySelector("button")) this.say();
  }

  say(...parts) {
    this.says.replaceChildren(...parts);
    this.says.hidden = parts.length === 0;
  }

  async guarded(act) {
    if (this.busy) return;
    this.busy = true;
    this.bar.setAttribute("aria-busy", "true");
    try {
      await act();
    } catch (error) {
      this.say();
      this.fail(error);
    } finally {
      this.busy = false;
      this.bar.removeAttribute("aria-busy");
    }
  }
}

function images(number) {
  return `${number.toLocaleString("en")} ${number === 1 ? "image" : "images"}`;
}
