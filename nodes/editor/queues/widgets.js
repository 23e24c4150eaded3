/**
 * What the tab is made of.
 *
 * @param {(key: string, values?: object) => string} t a text of the tab's catalog
 */
export function makeWidgets(t) {
  return { button, buttons, confirmed, form, heading, hint };

  /** Asks before something is done that cannot be undone. */
  function confirmed(key, values, label, action, about) {
    const dialog = $("<div>").append($("<p>").text(t(key, values)), about && $("<strong>").text(about));
    dialog.dialog({
      title: t("label"),
      modal: true,
      resizable: false,
      width: 420,
      classes: {
        "ui-dialog": "red-ui-editor-dialog",
        "ui-dialog-titlebar-close": "hide",
        "ui-widget-overlay": "red-ui-editor-dialog",
      },
      buttons: [
        { text: t("cancel"), click: () => dialog.dialog("close") },
        {
          text: t(label),
          class: "primary",
          click: () => {
            dialog.dialog("close");
            action();
          },
        },
      ],
      open: () => RED.keyboard.disable(),
      close: () => {
        RED.keyboard.enable();
        dialog.dialog("destroy").remove();
      },
    });
  }

  /** A field with a label, a hint and a button. */
  function form(key, submit) {
    const input = $('<input type="text" autocomplete="off">').attr({
      id: `bv-queues-${key}`,
      "aria-describedby": `bv-queues-${key}-hint`,
    });
    const label = $("<label>")
      .attr("for", `bv-queues-${key}`)
      .text(t(`${key}.title`));
    return $("<form>")
      .append(label, input, hint(`${key}.hint`).attr("id", `bv-queues-${key}-hint`))
      .append(buttons($('<button type="submit" class="red-ui-button red-ui-button-small">').text(t(`${key}.button`))))
      .on("submit", (event) => {
        event.preventDefault();
        const value = String(input.val()).trim();
        if (value) submit(value, input);
      });
  }

  function heading(key) {
    return $("<h4>").text(t(key));
  }

  function hint(key) {
    return $('<div class="bv-queues-hint">').text(t(key));
  }

  function buttons(...all) {
    return $('<div class="bv-queues-buttons">').append(all.filter(Boolean));
  }

  /** @param about whom it is about, for people who cannot see where the button stands */
  function button(key, press, about) {
    return $('<button type="button" class="red-ui-button red-ui-button-small">')
      .text(t(key))
      .attr("aria-label", about && `${t(key)}: ${about}`)
      .on("click", press);
  }
}

/** Replaces what a part shows only when it changes, so that nobody's click or focus is lost to a refresh. */
export function show(part, content) {
  const next = $("<div>").append(content);
  if (next.html() === part.html()) return;
  const place = part.find("button").index(document.activeElement);
  part.empty().append(content);
  if (place >= 0) part.find("button").eq(place).trigger("focus");
}
