// Arrow keys, Home and End move between the cells of the grid of rankings.
"use strict";
const table = document.getElementById("ranking_grid");
const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -999], End: [0, 999] };
table?.addEventListener("keydown", (event) => {
    const step = steps[event.key], cell = event.target.closest("td");
    if (!step || !cell || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = [...table.tBodies[0].rows], row = rows.indexOf(cell.parentElement) + step[0];
    const cells = rows[Math.max(0, Math.min(rows.length - 1, row))].querySelectorAll("td");
    const column = [...cell.parentElement.querySelectorAll("td")].indexOf(cell) + step[1];
    cells[Math.max(0, Math.min(cells.length - 1, column))].querySelector("a").focus();
    event.preventDefault();
});
