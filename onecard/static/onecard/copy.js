// A button that copies a text of the page. Without script, or without a clipboard, it is not shown.
"use strict";
document.querySelectorAll("[data-copies]").forEach((button) => {
    button.hidden = !navigator.clipboard;
    button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent);
        button.textContent = button.dataset.done;
    });
});
