import { ask, does } from "./ask.js";

const told = document.querySelector("#told");
for (const button of document.querySelectorAll("button[data-batch]")) {
  does(button, async () => {
    button.disabled = true;
    try {
      await ask(`/v1/marks/${encodeURIComponent(button.dataset.batch)}`, "DELETE");
      location.reload();
    } catch (error) {
      told.textContent = error.message;
      told.hidden = false;
      button.disabled = false;
    }
  });
}
