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

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
  });
})();
