/* Passkeys: the page holds the archive's question as JSON, the browser's answer goes into the form. */

const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const encode = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function readable(question) {
  const options = { ...question, challenge: decode(question.challenge) };
  if (options.user) options.user = { ...options.user, id: decode(options.user.id) };
  for (const name of ["excludeCredentials", "allowCredentials"]) {
    if (options[name]) options[name] = options[name].map((one) => ({ ...one, id: decode(one.id) }));
  }
  return options;
}

function written(credential) {
  const answer = credential.response;
  const parts = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (answer[name]) parts[name] = encode(answer[name]);
  }
  return JSON.stringify({
    id: credential.id, rawId: encode(credential.rawId), type: credential.type, response: parts, clientExtensionResults: {},
  });
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  const said = form.querySelector("[data-passkey-said]");
  form.addEventListener("submit", async (event) => {
    if (form.elements.answer.value) return;
    event.preventDefault();
    said.textContent = "Your browser asks for the passkey now.";
    try {
      const publicKey = readable(JSON.parse(form.dataset.passkey));
      const way = form.dataset.passkeyWay === "create" ? "create" : "get";
      form.elements.answer.value = written(await navigator.credentials[way]({ publicKey }));
      form.submit();
    } catch {
      said.textContent = "The browser did not give a passkey. Try again, or use another way.";
    }
  });
}
