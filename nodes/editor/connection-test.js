import { setOf, textsOf } from "./definition.js";
import { fieldOf } from "./form.js";
import { ask } from "./requests.js";

const SIGNS = { true: "fa-check", false: "fa-times", unneeded: "fa-minus" };

/**
 * Test connection of an account: sends what is typed (a stored secret stays on the server) and lists what came of each check.
 *
 * @param {string[]} properties what the server needs to know
 */
export function connectionTest(node, properties) {
  const t = textsOf(node);
  const checks = $("#bv-checks");
  const show = (sign, sentence) =>
    checks.append($("<li>").append($('<i class="fa">').addClass(sign), $("<span>").text(sentence)));
  $("#bv-test").on("click", () => {
    const typed = Object.fromEntries(properties.map((property) => [property, fieldOf(node, property).val()]));
    checks.empty();
    show("fa-spinner fa-spin", t("test.running"));
    ask(`${setOf(node)}/test`, { id: node.id, ...typed })
      .done((answer) => {
        checks.empty();
        if (answer.error) show("fa-times", answer.error);
        for (const { ok, name, sentence } of answer.checks || [])
          show(SIGNS[ok] || "fa-question", `${name}: ${sentence}`);
      })
      .fail(({ status }) => {
        checks.empty();
        show("fa-times", t("test.unreachable", { status }));
      });
  });
}
