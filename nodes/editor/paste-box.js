/** "Paste into ...": what the user copies into the other program, asked of the server while the part is open. */
import { setOf, textsOf } from "./definition.js";
import { ask } from "./requests.js";
import { whenTyped } from "./form.js";

/**
 * A value that is copied into another program: its name, the value, and a button.
 *
 * @param {string} name
 * @param {string | undefined} value none: the line says `missing` in its place, without a button
 * @param {{title: string, label?: string, note?: string, missing?: string}} texts what the button says aloud, and what it
 *   shows beside its icon; what stands below the name
 */
export function copyLine(name, value, { title, label, note, missing }) {
  const heading = $('<div class="bv-copy-name">').text(name);
  if (note) heading.append("<br>", $("<small>").text(note));
  const line = $('<div class="bv-copy">').append(heading);
  if (!value) return line.append($('<em class="bv-copy-box">').text(missing));
  const button = $('<button type="button" class="red-ui-button"><i class="fa fa-clipboard"></i></button>')
    .attr({ "aria-label": title, title })
    .append(label && $("<span>").text(` ${label}`))
    .on("click", () => RED.clipboard.copyText(value, button, "clipboard.copyMessageValue"));
  return line.append($('<div class="bv-copy-box">').append($('<pre class="bv-copy-value">').text(value), button));
}

/**
 * The parts that a paste box is made of.
 *
 * @returns `heading`, `steps` and `copy` by their key below `paste` in the node's catalog; `copyAs` by a name that is a text
 *   already, and `note` by its text (nothing for no text)
 */
export function pasteParts(node) {
  const t = textsOf(node);
  const copyAs = (name, value, about = {}) => copyLine(name, value, { title: t("paste.copy", { name }), ...about });
  return {
    heading: (key) => $("<h4>").text(t(`paste.${key}`)),
    steps: (key, values) => $("<p>").text(t(`paste.${key}`, values)),
    note: (text) => (text ? $('<p class="form-tips">').text(text) : null),
    copy: (key, value) => copyAs(t(`paste.${key}`), value),
    copyAs,
  };
}

/**
 * @param {{
 *   question: () => object | string, what the server is asked; a text is shown instead of asking
 *   show: (answer: object) => *, what the box shows, as jQuery can append it
 *   chosen?: *, typed?: *, the fields (jQuery objects) whose change asks again: at once, or when nobody types any more
 * }} box
 */
export function pasteBox(node, { question, show, chosen, typed }) {
  const t = textsOf(node);
  const blocks = $("#bv-paste-blocks");
  const problem = (sentence) => blocks.empty().append($('<p class="bv-problem">').text(sentence));
  let asked = 0;
  const refresh = () => {
    if (!$("#bv-paste").prop("open")) return;
    const mine = ++asked;
    const body = question();
    if (typeof body === "string") return blocks.empty().append(pasteParts(node).note(body));
    blocks.empty().append($("<p>").text(t("paste.loading")));
    ask(`${setOf(node)}/paste`, body)
      .done((answer) => {
        if (mine !== asked) return;
        if (answer.error) return problem(answer.error);
        blocks.empty().append(show(answer));
      })
      .fail(({ status }) => mine === asked && problem(t("paste.unreachable", { status })));
  };
  $("#bv-paste").on("toggle", refresh);
  if (chosen) chosen.on("change", refresh);
  if (typed) whenTyped(typed, 600, refresh);
}
