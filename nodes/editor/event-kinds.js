/** The kinds of event, and the list of those to send on: none of them chosen in `kinds` means all. */

/** Voucherify's kinds of event, each with its usual name in Bloomreach. @returns a jQuery promise */
export function eventNames() {
  return $.getJSON("bloomreach-voucherify/event-forward/names");
}

/** Fills the list, and opens it when something was chosen. */
export function showEventKinds(node) {
  const chosen = node.kinds || [];
  eventNames().done((names) => {
    for (const kind of Object.keys(names)) {
      const id = "bv-kind-" + kind.replace(/\W/g, "-");
      const box = $('<input type="checkbox">')
        .attr("id", id)
        .data("kind", kind)
        .prop("checked", chosen.length === 0 || chosen.includes(kind));
      const row = $('<div class="form-row bv-tick">').append(box, $("<label>").attr("for", id).text(kind));
      $("#bv-kind-rows").append(row);
    }
    $("#bv-kinds").prop("open", chosen.length > 0);
  });
}

/** `oneditsave`: keeps what is ticked. */
export function saveEventKinds() {
  const boxes = $("#bv-kind-rows input").toArray();
  if (boxes.length === 0) return;
  const chosen = boxes.filter((box) => box.checked).map((box) => $(box).data("kind"));
  this.kinds = chosen.length === boxes.length ? [] : chosen;
}
