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
