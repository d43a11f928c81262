// Forms about alerts are sent without leaving the page: what was typed stays where usertrack does not answer.

export const UNSENT = "That was not sent: usertrack does not answer. Do it once more when it does.";

/** What was done, in words, and the address of the page that says so; none where it was not done. */
export async function post(form, button) {
  const body = new URLSearchParams(new FormData(form, button));
  try {
    const answer = await fetch(form.action, { method: "POST", body });
    const shown = new DOMParser().parseFromString(await answer.text(), "text/html");
    const did = shown.getElementById("did") || shown.querySelector(".problem");
    return { did: did?.textContent.trim() ?? "", url: answer.ok ? answer.url : "" };
  } catch {
    return { did: UNSENT, url: "" };
  }
}

addEventListener("submit", async (event) => {
  if (!event.target.matches("form[data-send]")) return;
  event.preventDefault();
  const { did, url } = await post(event.target, event.submitter);
  if (url) location.replace(url);
  else document.getElementById("did").textContent = did;
});
