// Shows beside each condition what its attribute can be compared with, and offers only the operators that fit.
"use strict";
const vocabulary = JSON.parse(document.getElementById("control-vocabulary").textContent);
function fit(row) {
    const part = (name) => row.querySelector(`[data-part=${name}]`);
    const known = vocabulary[part("attribute").value], operator = part("operator"), hint = part("hint");
    [...operator.options].forEach((each) => (each.disabled = Boolean(known) && !known.operators.includes(each.value)));
    if (operator.selectedOptions[0]?.disabled) operator.value = [...operator.options].find((each) => !each.disabled).value;
    hint.hidden = !known;
    hint.textContent = known ? known.hint : "";
    const list = `values-${part("attribute").value}`;
    part("value").setAttribute("list", known && known.choices.length ? list : "");
    if (known && known.choices.length && !document.getElementById(list)) {
        const options = Object.assign(document.createElement("datalist"), { id: list });
        options.append(...known.choices.map((value) => Object.assign(document.createElement("option"), { value })));
        document.body.append(options);
    }
}
document.querySelectorAll(".oc-condition").forEach((row) => {
    fit(row);
    row.querySelector("[data-part=attribute]").addEventListener("change", () => fit(row));
});
