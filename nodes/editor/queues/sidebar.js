/** The sidebar tab with the queues, as the global `bvQueues`: the plugin's script is no module, and cannot import. */
import { age, clock, moment } from "./times.js";
import { makeWidgets, show } from "./widgets.js";

const URL_ROOT = "bloomreach-voucherify/queues";
const REFRESH_MS = 4000;
const PAGE = 20;

/**
 * Adds the tab.
 *
 * @param {(key: string, values?: object) => string} t a text of the tab's catalog
 */
function addTab(t) {
  const sidebar = makeSidebar(t, RED.user.hasPermission("bloomreach-voucherify.write"));
  RED.sidebar.addTab({
    id: "bv-queues",
    label: t("label"),
    name: t("label"),
    iconClass: "fa fa-exchange",
    content: sidebar.content,
    enableOnEdit: true,
  });
  refreshWhileVisible(sidebar);
}

/** Asks Node-RED only while somebody looks. */
function refreshWhileVisible({ content, refresh }) {
  let timer;
  new IntersectionObserver((entries) => {
    clearInterval(timer);
    if (!entries[entries.length - 1].isIntersecting) return;
    refresh();
    timer = setInterval(() => document.hidden || refresh(), REFRESH_MS);
  }).observe(content[0]);
}

/** @param mayAct false for people who may only look */
function makeSidebar(t, mayAct) {
  const { button, buttons, confirmed, form, heading, hint } = makeWidgets(t);
  /** `after` of each page of failed records up to the one that is shown. */
  let pages = [undefined];
  let asked = 0;

  const problem = $('<div class="bv-queues-problem" role="alert">');
  const news = $('<div role="status">');
  const queues = $("<div>");
  const failed = $("<div>");
  const place = $("<div>");
  const content = $('<div class="bv-queues" id="bv-queues-content" tabindex="-1">').append(
    buttons(button("refresh", () => refresh())),
    problem,
    news,
    heading("queues.title"),
    queues,
    heading("failed.title"),
    failed,
    form("find", find),
    mayAct ? form("erase", erase) : [],
    heading("place.title"),
    place,
  );
  return { content, refresh };

  function refresh() {
    const mine = ++asked;
    const after = pages[pages.length - 1];
    const query = `?limit=${PAGE}${after === undefined ? "" : `&after=${encodeURIComponent(after)}`}`;
    const report = ask("GET", "");
    const page = ask("GET", `/failed${query}`);
    Promise.all([report, page]).then(
      ([{ problem: sentence, queues: reports, place: kept }, { letters, next }]) => {
        if (mine !== asked) return;
        problem.text(sentence || "");
        if (letters.length === 0 && pages.length > 1) {
          pages = [undefined];
          return refresh();
        }
        show(queues, queueList(reports));
        show(place, placeLines(kept));
        show(failed, failedList(letters, next));
      },
      (error) => mine === asked && problem.text(error.message),
    );
  }

  function queueList(reports) {
    const shown = reports.filter(({ exists, waiting, inFlight, failed }) => exists || waiting || inFlight || failed);
    if (shown.length === 0) return hint("queues.none");
    return $("<ul>").append(shown.map(queueItem));
  }

  function queueItem(queue) {
    const notes = [];
    if (queue.waiting > 0 && queue.oldestAt) notes.push(t("queues.oldest", { age: age(queue.oldestAt) }));
    if (queue.doneAt) notes.push(t("queues.done", { time: clock(queue.doneAt) }));
    if (queue.retryingUntil) notes.push(t("queues.retrying", { time: clock(queue.retryingUntil) }));
    const item = $("<li>").append(nodeName(queue));
    const counts = $("<dl>").appendTo(item);
    const shownCounts = ["waiting", "inFlight", "delivered", "failed"];
    if (queue.testMode || queue.notSent > 0) shownCounts.splice(3, 0, "notSent");
    for (const name of shownCounts)
      $("<div>")
        .append($("<dt>").text(t(`queues.${name}`)), $("<dd>").text(queue[name]))
        .appendTo(counts);
    for (const note of notes) $("<div>").text(note).appendTo(item);
    if (queue.testMode) $('<div class="bv-queues-test">').text(t("queues.testMode")).appendTo(item);
    if (queue.paused)
      $('<div class="bv-queues-problem">')
        .text(t("queues.paused") + queue.paused.reason)
        .appendTo(item);
    if (!queue.exists && queue.waiting > 0) {
      $('<div class="bv-queues-problem">').text(t("queues.removed")).appendTo(item);
      item.append(buttons(mayAct && button("queues.discard", () => discardQueue(queue))));
    }
    return item;
  }

  function placeLines({ folder, fileSystem, warning }) {
    const line = t(fileSystem ? "place.disk" : "place.folder", { folder, fileSystem });
    return [
      $('<div class="bv-queues-hint">').text(line),
      warning && $('<div class="bv-queues-problem">').text(warning),
    ].filter(Boolean);
  }

  /** The node's name; a button that shows the node where it stands, when it stands somewhere. */
  function nodeName({ node, name, type }) {
    const shown = name || String(type).replace(/^bv-/, "").replaceAll("-", " ") || node;
    if (!RED.nodes.node(node)) return $('<span class="bv-queues-node">').attr("data-node", node).text(shown);
    return $('<button type="button" class="bv-queues-node">')
      .attr({ "data-node": node, title: t("queues.reveal") })
      .text(shown)
      .on("click", () => RED.view.reveal(node));
  }

  function failedList(letters, next) {
    if (letters.length === 0) return hint("failed.none");
    return [
      buttons(
        mayAct && button("failed.replayAll", () => act("/failed/replay", { all: true }, replayed)),
        mayAct && button("failed.discardAll", discardAll),
        button("failed.export", exportAll).attr("title", t("failed.exportTitle")),
      ),
      $("<ul>").append(letters.map(failedItem)),
      buttons(
        pages.length > 1 && button("failed.previous", () => turnTo(pages.slice(0, -1))),
        next && button("failed.next", () => turnTo([...pages, next])),
      ),
    ];
  }

  function failedItem({ id, node, customer, reason, failedAt }) {
    const about = { "data-letter": id };
    const placed = RED.nodes.node(node);
    const item = $("<li>").attr(about);
    $("<strong>").text(customer).appendTo(item);
    $("<div>").text(reason).appendTo(item);
    $('<div class="bv-queues-hint">')
      .text([moment(failedAt), placed && RED.utils.getNodeLabel(placed)].filter(Boolean).join(" · "))
      .appendTo(item);
    if (mayAct)
      item.append(
        buttons(
          button("failed.replay", () => act("/failed/replay", { ids: [id] }, replayed), customer),
          button("failed.discard", () => act("/failed/discard", { ids: [id] }, discarded), customer),
        ),
      );
    return item;
  }

  function turnTo(wanted) {
    pages = wanted;
    refresh();
  }

  function replayed({ replayed: count, refused }) {
    const reasons = [...new Set(refused.map(({ reason }) => reason))];
    const refusal = reasons.length > 0 ? t("failed.refused") + reasons.join(" ") : "";
    return [t("failed.replayed", { count }), refusal].filter(Boolean).join(" ");
  }

  function discarded({ discarded: count }) {
    return t("failed.discarded", { count });
  }

  function discardAll() {
    confirmed("failed.confirmDiscardAll", {}, "failed.discardAll", () =>
      act("/failed/discard", { all: true }, discarded),
    );
  }

  function discardQueue({ node, waiting }) {
    confirmed("queues.confirmDiscard", { count: waiting }, "queues.discard", () =>
      act("/discard", { node }, ({ discarded: count }) => t("queues.discarded", { count })),
    );
  }

  /** A link would not carry the editor's sign-in, so the file goes through the page. */
  function exportAll() {
    ask("GET", "/failed/export", undefined, "text").then((lines) => {
      const url = URL.createObjectURL(new Blob([lines], { type: "application/x-ndjson" }));
      $("<a>", { href: url, download: "failed.jsonl" })[0].click();
      URL.revokeObjectURL(url);
    }, tell);
  }

  function find(requestId) {
    ask("GET", `/find?request_id=${encodeURIComponent(requestId)}`).then(({ receivedAt, waiting, failed }) => {
      const lines = [
        receivedAt && t("find.received", { time: moment(receivedAt) }),
        byNode("find.waiting", waiting),
        byNode("find.failed", failed),
      ].filter(Boolean);
      news.text(lines.length > 0 ? lines.join(" ") : t("find.nothing"));
    }, tell);
  }

  function byNode(key, counts) {
    const parts = Object.entries(counts).map(([id, count]) => {
      const node = RED.nodes.node(id);
      return `${node ? RED.utils.getNodeLabel(node) : id} ${count}`;
    });
    return parts.length > 0 && `${t(key)}${parts.join(", ")}.`;
  }

  function erase(hardId, input) {
    confirmed(
      "erase.confirm",
      {},
      "erase.button",
      () => {
        input.val("");
        act("/erase", { hardId }, ({ setAside, ...counts }) => {
          const erased = t("erase.erased", counts);
          return setAside.length === 0 ? erased : `${erased} ${t("erase.set-aside", { folders: setAside.join(", ") })}`;
        });
      },
      hardId,
    );
  }

  /** Does something and says what came of it. */
  function act(path, body, sentence) {
    ask("POST", path, body)
      .then((answer) => news.text(sentence(answer)), tell)
      .then(refresh);
  }

  function tell(error) {
    news.text(error.message);
  }

  /** The answer, or an Error with a sentence. */
  function ask(method, path, body, dataType = "json") {
    return new Promise((resolve, reject) => {
      const data = body && JSON.stringify(body);
      $.ajax({ url: URL_ROOT + path, method, data, contentType: "application/json", dataType }).then(
        resolve,
        (answer) => reject(new Error((answer.responseJSON && answer.responseJSON.error) || t("unreachable"))),
      );
    });
  }
}

globalThis.bvQueues = { addTab };
$("<link>", { rel: "stylesheet", href: new URL("sidebar.css", import.meta.url).href }).appendTo("head");
