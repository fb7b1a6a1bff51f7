// Cards of a wallet are dragged to their place, and the new order is sent at once. Without this, Up and Down do it.
"use strict";
const form = document.querySelector("#wallet_order");
const list = form?.querySelector("ol");
let dragged = null;

const cards = () => [...list.querySelectorAll("[data-card]")];
const order = () => cards().map((each) => each.dataset.card).join(",");
const send = (before) => {
    if (order() === before) return;
    form.elements.order.value = order();
    form.submit();
};

list?.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("[data-card]");
    if (!dragged) return;
    dragged.dataset.before = order();
    dragged.classList.add("oc-dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", dragged.dataset.card);
});
list?.addEventListener("dragover", (event) => {
    const over = event.target.closest("[data-card]");
    if (!dragged || !over) return;
    event.preventDefault();
    if (over === dragged) return;
    const box = over.getBoundingClientRect();
    over[event.clientY < box.y + box.height / 2 ? "before" : "after"](dragged);
});
list?.addEventListener("drop", (event) => event.preventDefault());
list?.addEventListener("dragend", () => {
    if (!dragged) return;
    dragged.classList.remove("oc-dragged");
    send(dragged.dataset.before);
    dragged = null;
});
