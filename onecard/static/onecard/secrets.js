// Takes secrets off the page: after their seconds, when the page is left, and when it comes back from the browser's memory.
"use strict";
for (const box of document.querySelectorAll("[data-secret-seconds]")) {
    const hide = () => {
        box.textContent = "Hidden again. To see it once more, start anew.";
    };
    let left = Number(box.dataset.secretSeconds);
    const shown = document.querySelector("[data-secret-left]");
    const tick = () => {
        if (shown) shown.textContent = String(Math.max(0, left));
        if (left-- <= 0) {
            hide();
            clearInterval(timer);
        }
    };
    const timer = setInterval(tick, 1000);
    addEventListener("pagehide", hide);
    addEventListener("pageshow", (event) => event.persisted && hide());
}
