import { setOf, textsOf } from "./definition.js";
import { fieldOf } from "./form.js";
import { ask } from "./requests.js";

/**
 * A field that offers what the chosen account has, and takes any other text too: its `<datalist>` has the id
 * `bv-<name>s`, and the sentence below it (`bv-<name>-note`) says why nothing is offered.
 *
 * @param {string} name of what is offered, for example campaign: the server is asked for `<set>/campaigns`
 * @param {{option: (one: *) => *, isNeeded?: () => boolean, chosen?: *}} about `option` makes one `<option>`; `chosen` is a
 *   field (a jQuery object) whose change asks again
 */
export function suggestions(node, name, { option, isNeeded = () => true, chosen = $() }) {
  const account = fieldOf(node, "account");
  const note = $(`#bv-${name}-note`);
  const usualNote = note.text() || textsOf(node)(`hint.${name}`);
  const list = () => {
    const id = account.val();
    if (!isNeeded() || !RED.nodes.node(id)) return;
    ask(`${setOf(node)}/${name}s`, { account: id }).done((listed) => {
      $(`#bv-${name}s`)
        .empty()
        .append((listed[`${name}s`] || []).map(option));
      note.text(listed.error || listed.note || usualNote);
    });
  };
  account.add(chosen).on("change", list);
  list();
}
