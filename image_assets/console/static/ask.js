// Asks the console's own API; what it refuses is an error with the sentence that it says.
export async function ask(address, method, body) {
  const told = { method, credentials: "same-origin" };
  if (body !== undefined) {
    told.headers = { "content-type": "application/json" };
    told.body = JSON.stringify(body);
  }
  let answer;
  try {
    answer = await fetch(address, told);
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
  throw new Error(message);
}
