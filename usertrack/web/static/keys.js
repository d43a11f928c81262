// Keys: / search, g and a letter for a page, j and k through the rows of the page, Enter opens.

const ROWS = "tbody tr:has(a), .rows > *:has(a)";
let going = false;

addEventListener("keydown", (event) => {
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  if (event.key === "Escape" && typing) return typing.blur();
  if (typing || event.metaKey || event.ctrlKey || event.altKey) return;
  if (going) {
    going = false;
    document.querySelector(`nav [data-key="${CSS.escape(event.key)}"]`)?.click();
  } else if (event.key === "g") {
    going = true;
    setTimeout(() => (going = false), 1500);
  } else if (event.key === "/") {
    event.preventDefault();
    document.querySelector("[type=search]")?.focus();
  } else if (event.key === "j" || event.key === "k") {
    step(event.key === "j" ? 1 : -1);
  }
});

// What is about to be sent or erased is asked for again where the browser has kept the page: it may be done by now.
addEventListener("pageshow", (event) => {
  if (event.persisted && document.querySelector("form.confirm")) location.reload();
});

// What takes long says that it was sent, and is sent once.
addEventListener("submit", (event) => {
  const button = event.target.querySelector("button[data-busy]");
  if (!button) return;
  button.textContent = button.dataset.busy;
  button.disabled = true;
});

function step(by) {
  const links = [...document.querySelectorAll(ROWS)].map((row) => row.querySelector("a")).filter((link) => link.checkVisibility());
  // parts arrive in any order, and are walked in the one that is seen
  const slots = [...(document.querySelector(".parts")?.shadowRoot?.querySelectorAll("slot") ?? [])];
  const place = (link) => slots.indexOf(link.closest("[slot]")?.assignedSlot);
  links.sort((one, other) => place(one) - place(other));
  const at = links.indexOf(document.activeElement);
  const next = links[at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by];
  next?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
