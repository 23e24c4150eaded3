/** The path of a node that receives webhooks: its rule, and who has it already. */
import { textsOf } from "./definition.js";
import { fieldOf, whenTyped } from "./form.js";
import { PATTERNS } from "./validation.js";

/** Where the dialog keeps what the server said about the typed path. */
const OWNER = "bvOwner";

/** `validate` of the path. */
export function webhookPath(value, _opt) {
  const t = textsOf(this);
  if (!PATTERNS.path.test(value)) return t("error.path");
  let twin = false;
  RED.nodes.eachNode((other) => {
    const receives = /^bv-(bloomreach|voucherify)-in$/.test(other.type);
    twin = twin || (receives && other.id !== this.id && !other.d && other.path === value);
  });
  if (twin) return t("error.pathTwice");
  const owner = fieldOf(this, "path").data(OWNER);
  return owner && owner.node === this.id && owner.path === value ? t("error.pathTaken", { owner: owner.name }) : true;
}

/**
 * Asks the server which paths Node-RED itself and other deployed nodes answer, and says below the field what is wrong with
 * the path, as long as it is.
 */
export function watchWebhookPath(node) {
  const path = fieldOf(node, "path");
  const showProblem = () => {
    const value = path.val();
    // As Node-RED does: an environment variable is right.
    const sentence = /^\$(\{\w+\}|\(\w+\))$/.test(value) || webhookPath.call(node, value);
    $("#bv-path-owner")
      .text(sentence === true ? "" : sentence)
      .toggle(sentence !== true);
  };
  let asked;
  const askOwner = () => {
    const value = path.val();
    if (value === asked || value.charAt(0) !== "/") return;
    asked = value;
    $.getJSON("bloomreach-voucherify/bloomreach-in/path-owner", { path: value, node: node.id }).done(({ owner }) => {
      if (path.val() !== value) return;
      path.data(OWNER, owner ? { node: node.id, path: value, name: owner } : null);
      path.trigger("change");
    });
  };
  // Also at the beginning: Node-RED announces each field as changed when the dialog is there.
  path.on("change keyup paste", showProblem);
  whenTyped(path, 300, askOwner);
  askOwner();
}
