// A button beside an id copies it. Without this file, or where the browser refuses, the id can be marked as any text.
"use strict";
document.querySelectorAll("button[data-copy]").forEach((button) => {
    if (!navigator.clipboard) return;
    button.hidden = false;
    button.addEventListener("click", async () => {
        try {
            await navigator.clipboard.writeText(button.dataset.copy);
            button.textContent = button.dataset.copied;
        } catch {
            button.hidden = true;
        }
    });
});
