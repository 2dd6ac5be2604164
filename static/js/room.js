// What the pages about one room do by themselves. Every form and link on them works without it.
(() => {
  "use strict";

  // Host management off: its controls rest. The server does the same for those who come without a script.
  function rest() {
    const off = document.querySelector("[name=moderation][value=OFF]");
    for (const field of document.querySelectorAll(".needs-moderation")) field.disabled = Boolean(off && off.checked);
  }

  document.addEventListener("change", (event) => {
    if (event.target.name === "moderation") rest();
  });
  rest();

  // From the pasted text down into the answers; up from the first of them back into the text.
  document.addEventListener("keydown", (event) => {
    const field = document.querySelector("#lookup-q");
    const first = document.querySelector("#answer .room a");
    if (!field || !first || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "ArrowDown" && event.target === field && !field.value.slice(field.selectionEnd).includes("\n")) {
      event.preventDefault();
      first.focus();
    } else if (event.key === "ArrowUp" && event.target === first) {
      event.preventDefault();
      field.focus();
    }
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });
})();
