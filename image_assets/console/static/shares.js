import { ask, does } from "./ask.js";

const told = document.querySelector("#told");

for (const button of document.querySelectorAll("button[data-revoke]")) {
  const { revoke } = button.dataset;
  does(button, () => change(button, `Have the link ${revoke} lead nowhere from now on? It cannot be opened again.`, `/v1/shares/${revoke}:revoke`));
}
const clear = document.querySelector("#clear");
if (clear) does(clear, () => change(clear, "Forget the links that have ended or were revoked?", "/v1/shares:clear"));

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
