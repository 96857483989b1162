// What is asked before images are marked, and what it says that the next run will change.

export function line(text) {
  const one = document.createElement("p");
  one.textContent = text;
  return one;
}

export function button(text, act, first = false) {
  const one = document.createElement("button");
  one.textContent = text;
  if (first) one.className = "first";
  one.addEventListener("click", act);
  return one;
}

export function meant(asked) {
  return { label: `under ${asked.category}`, exclude: "left out", check: "right as they are" }[asked.what];
}

function moving(one) {
  const parts = [one.coming ? `+${one.coming.toLocaleString("en")}` : "", one.going ? `−${one.going.toLocaleString("en")}` : ""];
  return parts.filter(Boolean).join(" ");
}

export function changes(preview) {
  const told = [];
  if (preview.shards.length) {
    const some = preview.shards.slice(0, 6).map((one) => `${one.day} ${one.category} ${moving(one)}`);
    const more = preview.shards.length > 6 ? ` and ${preview.shards.length - 6} more` : "";
    told.push(`Published anew by the next run: ${some.join(", ")}${more}.`);
  } else told.push("Nothing is published anew.");
  if (preview.training.length) {
    const some = preview.training.map((one) => `${one.category} ${moving(one)}`);
    told.push(`Images to train on: ${some.join(", ")}.`);
  } else told.push("What is trained on stays.");
  return told;
}

// What others have said of these images since they were shown; `what` says what becomes of it.
export function meanwhile(told, what) {
  return told.meanwhile.map(({ reviewer, images }) => {
    const some = `${images.toLocaleString("en")} of ${told.images.toLocaleString("en")}`;
    return `${some} ${images === 1 ? "was" : "were"} marked by ${reviewer} since this was shown: what is said last ${what}.`;
  });
}
