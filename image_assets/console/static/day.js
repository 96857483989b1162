import { ask, does } from "./ask.js";

const told = document.querySelector("#told");
const { day, category } = document.querySelector("#causes")?.dataset ?? {};
const where = { day: day || null, category: category || null };

for (const form of document.querySelectorAll("form[data-check]")) {
  form.addEventListener("submit", event => {
    event.preventDefault();
    const comment = form.elements.comment.value.trim();
    if (comment) change("/v1/acknowledgements", { check: form.dataset.check, ...where, comment });
  });
  form.querySelector("button").disabled = false;
}
for (const button of document.querySelectorAll("button[data-withdraw]")) {
  does(button, () =>
    change("/v1/acknowledgements:withdraw", { check: button.dataset.withdraw, ...where }));
}

async function change(address, body) {
  try {
    await ask(address, "POST", body);
    location.reload();
  } catch (error) {
    told.textContent = error.message;
    told.hidden = false;
  }
}
