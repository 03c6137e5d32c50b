// Asking the server for something, and showing what went wrong.

/** What answers without a sentence of their own mean. */
export const MEANINGS = {
  401: "This browser is not logged in: open the newest address from the terminal.",
  413: "It is larger than what the app takes in. Choose it on the machine that the app runs on.",
};

/** Show a message in the page's alert; an empty one hides it. */
export function tell(message) {
  const alert = document.getElementById("alert");
  alert.textContent = message;
  alert.hidden = !message;
  if (message) alert.scrollIntoView({ block: "nearest" });
}

/** Return the JSON that a path answers with; throws an Error with the server's sentence. */
export async function get(path) {
  return answerOf(await reach(path, { headers: { accept: "application/json" } }));
}

/** Send a value as JSON and return the answer; the error, if any, is shown and thrown. */
export async function post(path, value = {}) {
  const body = JSON.stringify(value);
  const headers = { accept: "application/json", "content-type": "application/json" };
  try {
    const answer = await answerOf(await reach(path, { method: "POST", headers, body }));
    tell("");
    return answer;
  } catch (error) {
    tell(error.message);
    throw error;
  }
}

async function reach(path, options) {
  try {
    return await fetch(path, options);
  } catch {
    throw new Error("labcut3d does not answer. Does it still run in the terminal?");
  }
}

async function answerOf(response) {
  const json = (response.headers.get("content-type") ?? "").includes("json");
  const answer = json ? await response.json() : { error: MEANINGS[response.status] };
  if (!response.ok) throw new Error(answer.error ?? `The server answered ${response.status}.`);
  return answer;
}
