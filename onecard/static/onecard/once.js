// A button pressed twice sends its form once.
"use strict";
const buttons = () => document.querySelectorAll("#act_form button[type=submit]");
document.querySelector("#act_form")?.addEventListener("submit", () => buttons().forEach((each) => (each.disabled = true)));
addEventListener("pageshow", () => buttons().forEach((each) => (each.disabled = false)));
