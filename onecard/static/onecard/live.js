// The live page pauses when its person says so and while nobody sees it, and says when the server does not answer.
"use strict";
const pause = document.getElementById("live-pause");
const state = document.getElementById("live-state");
const isPaused = () => pause.getAttribute("aria-pressed") === "true";
const say = (name) => (state.textContent = state.dataset[name]);

pause.addEventListener("click", () => {
    pause.setAttribute("aria-pressed", String(!isPaused()));
    pause.textContent = isPaused() ? pause.dataset.resume : pause.dataset.pause;
    say(isPaused() ? "paused" : "running");
});
document.body.addEventListener("htmx:beforeRequest", (event) => {
    if (isPaused() || document.hidden) event.preventDefault();
});
document.body.addEventListener("htmx:afterRequest", (event) => {
    if (!isPaused()) say(event.detail.successful ? "running" : "away");
});
