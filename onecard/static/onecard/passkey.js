// Asks the browser's own dialog for a passkey, and sends its answer with the page's form.
// Without script, or in a browser without passkeys, the form stays hidden and the page says what to do in its place.
"use strict";
const form = document.querySelector("form[data-passkey]");
const knows = window.PublicKeyCredential;
if (form && knows && knows.parseCreationOptionsFromJSON && knows.parseRequestOptionsFromJSON) {
    const options = JSON.parse(form.dataset.options).publicKey;
    const problem = form.querySelector("[data-passkey-problem]");
    const isNew = form.dataset.passkey === "create";
    const asked = () =>
        isNew
            ? navigator.credentials.create({ publicKey: knows.parseCreationOptionsFromJSON(options) })
            : navigator.credentials.get({ publicKey: knows.parseRequestOptionsFromJSON(options) });
    form.hidden = false;
    for (const each of document.querySelectorAll("[data-without-passkeys]")) each.hidden = true;
    form.addEventListener("submit", async (event) => {
        event.preventDefault();
        problem.hidden = true;
        try {
            form.elements.credential.value = JSON.stringify((await asked()).toJSON());
            form.submit();
        } catch {
            problem.hidden = false;
        }
    });
}
