import { ask } from "./ask.js";

const told = document.querySelector("#told");
const current = document.querySelector("#models")?.dataset.current;

for (const button of document.querySelectorAll("button[data-digits]")) {
  const { digits } = button.dataset;
  button.addEventListener("click", () => change(button, `Have ${digits} answer from now on, in the place of ${current}?`,
    `/v1/models/${encodeURIComponent(digits)}:promote`));
}
document.querySelector("#back")?.addEventListener("click", event => change(event.target,
  `Have the model before ${current} answer again? ${current} is not promoted again by itself.`, "/v1/models:rollback"));

async function change(button, question, address) {
  if (!confirm(question)) return;
  button.disabled = true;
  try {
    await ask(`${address}?current=${encodeURIComponent(current)}`, "POST");
    location.reload();
  } catch (error) {
    told.textContent = error.message;
    told.hidden = false;
    button.disabled = false;
  }
}
