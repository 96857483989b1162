// The legend, which is the filters too: each value with its colour and how many images have it.

// The place in the palette of a number of a column; where it may stand for several values, of the last.
export function slotOf(column, number, colours) {
  if (number === column.nothing) return colours; // the grey after them
  return (column.several ? Math.max(0, 31 - Math.clz32(number)) : number) % colours;
}

export class Legend {
  constructor(root, change) {
    this.root = root;
    this.change = change;
    this.sizes = {}; // column → how many numbers it may have
    this.parts = {};
    this.state = null;
  }

  describe({ columns, palette, grey }) {
    this.columns = columns;
    [this.palette, this.grey] = [palette, grey];
    this.root.replaceChildren();
    for (const [name, column] of Object.entries(columns)) {
      this.sizes[name] = column.several ? 2 ** column.values.length : column.values.length;
      this.parts[name] = this.part(name, column);
    }
  }

  part(name, column) {
    const box = made("details", { className: "values" });
    const colour = made("input", { type: "radio", name: "colour", title: `Colour by ${column.called.toLowerCase()}`, ariaLabel: `Colour by ${column.called.toLowerCase()}` });
    colour.addEventListener("change", () => this.change(() => (this.state.colour = name)));
    colour.addEventListener("click", (event) => event.stopPropagation());
    const on = made("input", { type: "checkbox", title: "Filter on or off" });
    const filter = made("label", { className: "filter", hidden: true }, on, " filter");
    filter.addEventListener("click", (event) => event.stopPropagation());
    on.addEventListener("change", () => this.change(() => this.state.off[on.checked ? "delete" : "add"](name)));
    const all = made("button", { type: "button", textContent: "all", hidden: true, title: "Show all, and forget the filter" });
    all.addEventListener("click", () => this.change(() => (delete this.state.filters[name], this.state.off.delete(name))));
    const list = made("ul", {});
    const values = column.values.map((value, place) => this.value(name, value, place));
    list.append(...values.map((one) => one.row));
    box.append(made("summary", {}, colour, made("span", { textContent: column.called })), made("div", { className: "row" }, filter, all), list);
    this.root.append(box);
    return { box, colour, on, filter, all, values };
  }

  value(name, value, place) {
    const check = made("input", { type: "checkbox" });
    check.addEventListener("change", () => this.change(() => this.toggle(name, value, check.checked)));
    const swatch = made("i", {});
    swatch.style.background = place === this.columns[name].nothing ? this.grey : this.palette[place % this.palette.length];
    const count = made("span", { className: "number" });
    const only = made("button", { type: "button", textContent: "only", title: `Only ${value}` });
    only.addEventListener("click", () => this.change(() => this.choose(name, new Set([value]))));
    const row = made("li", {}, made("label", {}, check, swatch, made("span", { className: "name", textContent: value.replaceAll("_", " ") })), only, count);
    return { row, check, count, value };
  }

  toggle(name, value, shown) {
    const values = new Set(this.state.off.has(name) ? this.columns[name].values : (this.state.filters[name] ?? this.columns[name].values));
    values[shown ? "add" : "delete"](value);
    this.choose(name, values);
  }

  choose(name, values) {
    this.state.off.delete(name);
    if (this.columns[name].values.every((one) => values.has(one))) delete this.state.filters[name];
    else this.state.filters[name] = values;
  }

  // Of each number of a column, whether a point that has it is shown.
  shows(name, values) {
    const { several, values: all } = this.columns[name];
    if (!several) return Uint8Array.from(all, (value) => Number(values.has(value)));
    const bits = all.reduce((sum, value, place) => sum | (values.has(value) ? 1 << place : 0), 0);
    return Uint8Array.from({ length: this.sizes[name] }, (_, number) => Number((number & bits) !== 0));
  }

  hides(name) {
    return Boolean(this.state?.filters[name] && !this.state.off.has(name));
  }

  isShown(name, value) {
    return !this.hides(name) || this.state.filters[name].has(value);
  }

  show(state) {
    this.state = state;
    for (const [name, { box, colour, on, filter, all, values }] of Object.entries(this.parts)) {
      const filtered = state.filters[name] !== undefined;
      colour.checked = state.colour === name;
      if (colour.checked || filtered) box.open = true;
      box.classList.toggle("coloured", colour.checked);
      filter.hidden = all.hidden = !filtered;
      on.checked = filtered && !state.off.has(name);
      for (const { check, value } of values) check.checked = this.isShown(name, value);
    }
  }

  count(counts) {
    for (const [name, { values }] of Object.entries(this.parts)) {
      const { several } = this.columns[name];
      values.forEach(({ row, count }, place) => {
        let number = 0;
        if (!several) number = counts[name][place];
        else counts[name].forEach((one, bits) => (number += bits & (1 << place) ? one : 0));
        count.textContent = number.toLocaleString("en");
        row.classList.toggle("none", number === 0);
      });
    }
  }
}

export function made(kind, properties, ...children) {
  const one = Object.assign(document.createElement(kind), properties);
  one.append(...children);
  return one;
}
