// Asks the console's own API; what it refuses is an error with the sentence that it says.
export async function ask(address, method, body) {
  const told = { method };
  if (body !== undefined) {
    told.headers = { "content-type": "application/json" };
    told.body = JSON.stringify(body);
  }
  return sent(address, told);
}

// As `ask`, with whatever fetch takes.
export async function sent(address, told) {
  let answer;
  try {
    answer = await fetch(address, { credentials: "same-origin", ...told });
  } catch {
    throw new Error("The console does not answer; is it still running?");
  }
  if (answer.ok) return answer;
  let message = `The console answers ${answer.status}`;
  try {
    message = (await answer.json()).error.message;
  } catch {
    // no JSON: the status has to do
  }
  throw Object.assign(new Error(printed(message)), { again: answer.headers.get("retry-after") });
}

// Text with a mark in place of every sign that does not print or that turns the direction of writing, as the pages
// of the server have it: names of files and what was asked for may hold them.
export function printed(text) {
  return String(text).replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu, "\ufffd");
}

// What a button does. The pages have such buttons disabled: before its script is there, a click would be lost.
export function does(button, act) {
  button.addEventListener("click", act);
  button.disabled = false;
}
