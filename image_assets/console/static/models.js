import { ask, does } from "./ask.js";

const told = document.querySelector("#told");

for (const button of document.querySelectorAll("button[data-digits]")) {
  const { digits } = button.dataset;
  const { current } = button.closest("table").dataset;
  does(button, () => change(button, `Have ${digits} answer from now on, in the place of ${current}?`,
    `/v1/models/${encodeURIComponent(digits)}:promote?current=${encodeURIComponent(current)}`));
}
for (const button of document.querySelectorAll("button[data-back]")) {
  const asset = button.dataset.back;
  const { current } = document.getElementById(asset).dataset;
  does(button, () => change(button,
    `Have the model before ${current} answer again? ${current} is not promoted again by itself.`,
    `/v1/models:rollback?model=${encodeURIComponent(asset)}&current=${encodeURIComponent(current)}`));
}

async function change(button, question, address) {
  if (!confirm(question)) return;
  button.disabled = true;
  try {
    await ask(address, "POST");
    location.reload();
  } catch (error) {
    told.textContent = error.message;
    told.hidden = false;
    button.disabled = false;
  }
}
