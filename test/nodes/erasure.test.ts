import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import eventForward from "../../nodes/event-forward";
import voucherifyActivity from "../../nodes/voucherify-activity";
import voucherifyIn from "../../nodes/voucherify-in";
import voucherifyPublish from "../../nodes/voucherify-publish";
import type { DeadLetter } from "../../src/store/dead-letters";
import type { Delivery } from "../../src/delivery/delivery";
import { LevelStore } from "../../src/store/level/level-store";
import { readable } from "../../src/store/key-value/pages";
import { customerOf } from "../../src/delivery/record-key";
import { isJsonObject, type JsonValue } from "../../src/json";
import { sampleWebhook, Simulator } from "../../src/simulator";
import { signatureOf } from "../../src/simulator/scenario/voucherify-webhooks";
import { FlowUnderTest } from "../support/flow-under-test";
import { BLOOMREACH_KEYS, type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { waitFor } from "../support/wait-for";

const SECRET = "test-signing-secret-81d0";
const UNLIMITED = { limit: 1_000_000, periodMs: 60_000 };
/** The customer to erase, another one who stays, and whether a text that holds the ID can mean nothing else. */
const PAIRS: readonly (readonly [person: string, other: string, telling: boolean])[] = [
  ["erase-7f3ac951@example.com", "x.erase-7f3ac951@example.com.pl", true],
  ["918273645", "9182736450", true],
  ['o"brien\\zażółć 7/%', 'o"brien\\zażółć 7/%8', true],
  ["42", "142", false],
  ["1", "10", false],
  ["true", "customer", false],
];

describe("erasing one customer from what all nodes keep", () => {
  const flow = new FlowUnderTest([eventForward, voucherifyIn, voucherifyActivity, voucherifyPublish]);
  let simulator: Simulator;
  let unique = 0;
  before(async () => {
    const keys = { keys: { ...TEST_KEYS, ...BLOOMREACH_KEYS } };
    simulator = await Simulator.start({ ...keys, rateLimit: UNLIMITED, asyncActionMs: 50 });
  });
  after(() => simulator.stop());
  beforeEach(() => {
    unique++;
    simulator.reset();
    simulator.setFaults(undefined);
    simulator.metadataSchemas.get("customer")!.properties.segment!.optional = false;
    simulator.bloomreach.deniedEvents.add("voucherify_customer_rewarded");
  });

  const id = (name: string): string => `${name}${unique}`;
  const path = (kind: string): string => `/bloomreach-engagement/${kind}-${unique}`;
  const folder = (): string => flow.queueFolder;
  const delivery = (): Delivery => flow.delivery;

  /** Every node that keeps something, each behind the one that feeds it. */
  const load = (): Promise<void> => {
    const node = (name: string, type: string, properties: object): FlowNode => ({
      ...{ id: id(name), type, z: "tab" },
      ...properties,
    });
    const receives = { account: id("bloomreach"), maxBytes: 10, eventKey: "" };
    const forward = { sendTo: "bloomreach", account: id("bloomreach"), names: {}, currency: "EUR", fillMs: 20 };
    const voucherify = { account: id("voucherify") };
    return flow.load(
      [
        { id: "tab", type: "tab" },
        {
          ...{ id: id("bloomreach"), type: "bv-bloomreach-account", apiUrl: simulator.url, hardId: "registered" },
          ...{ projectToken: BLOOMREACH_KEYS.projectToken, requestsPerSecond: 100 },
          ...{ idSync: "soft", idSyncName: "voucherify_id" },
        },
        {
          ...{ id: id("voucherify"), type: "bv-voucherify-account", apiUrl: simulator.url, hardId: "registered" },
          ...{ plan: "own", requests: UNLIMITED.limit, period: "minute" },
        },
        node("in-customers", "bv-bloomreach-in", {
          ...receives,
          kind: "customers",
          path: path("customers"),
          wires: [[id("upsert")]],
        }),
        node("upsert", "bv-customer-upsert", { ...voucherify, wires: [[id("ids")]] }),
        node("ids", "bv-event-forward", { ...forward, send: "both", wires: [[]] }),
        node("in-events", "bv-bloomreach-in", {
          ...receives,
          kind: "events",
          path: path("events"),
          wires: [[id("track")]],
        }),
        node("track", "bv-event-forward", { sendTo: "voucherify", voucherifyAccount: id("voucherify"), wires: [[]] }),
        node("in-requests", "bv-bloomreach-in", {
          ...receives,
          kind: "requests",
          path: path("requests"),
          wires: [[id("queue")]],
        }),
        node("queue", "bv-voucherify-publish", {
          ...voucherify,
          answer: "queue",
          campaign: "",
          frequency: "send",
          wires: [[id("codes")]],
        }),
        node("codes", "bv-event-forward", { ...forward, send: "both", wires: [[]] }),
        node("hooks", "bv-voucherify-in", {
          ...voucherify,
          path: path("hooks"),
          kinds: [],
          wires: [[id("tell")], [id("tell")]],
        }),
        node("activity", "bv-voucherify-activity", {
          ...voucherify,
          days: 1,
          kinds: [],
          dropEchoes: false,
          wires: [[id("tell")]],
        }),
        node("tell", "bv-event-forward", { ...forward, send: "both", wires: [[]] }),
        node("catch", "catch", { scope: null, wires: [[]] }),
      ] as FlowNode[],
      {
        [id("bloomreach")]: {
          ...{ webhookApplicationId: WEBHOOK_KEYS["application-id"], webhookSecretKey: WEBHOOK_KEYS["secret-key"] },
          ...{ apiKeyId: BLOOMREACH_KEYS.apiKeyId, apiSecret: BLOOMREACH_KEYS.apiSecret },
        },
        [id("voucherify")]: TEST_KEYS,
        [id("hooks")]: { secret: SECRET },
      },
    );
  };

  const post = async (kind: string, body: object): Promise<void> => {
    const answer = await flow.post(path(kind), body, WEBHOOK_KEYS);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
  };
  const hook = async (text: string): Promise<void> => {
    const answer = await flow.post(path("hooks"), text, { "x-voucherify-signature": signatureOf(text, SECRET) });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
  };
  const webhookOf = (
    kind: "customer.rewarded" | "customer.redemption.succeeded",
    source_id: string,
    mail: string,
  ): string =>
    JSON.stringify(
      sampleWebhook(kind, "project", { customer: { source_id, id: `cust_${mail}`, email: mail, name: mail } }),
    );

  /** Everything that can be sent of a customer, to fail or to wait. */
  const send = async (
    customers: readonly (readonly [source: string, mail: string])[],
    mode: "fail" | "wait",
  ): Promise<void> => {
    const fails = mode === "fail";
    await post(
      "customers",
      customers.map(([registered, email]) => ({
        ...{ registered: /^\d+$/.test(registered) ? Number(registered) : registered, email, name: mode },
        metadata: fails ? {} : { segment: "VIP" },
      })),
    );
    await post(
      "events",
      customers.map(([registered, email]) => ({
        ...{ event: `${mode}ing`, customer: { registered }, metadata: { email } },
        ...(fails && { loyalty: { code: "NO-SUCH-CARD" } }),
      })),
    );
    await post(
      "requests",
      customers.map(([source_id, email]) => ({
        ...{ customer: { source_id, email }, campaign: { name: fails ? "No such campaign" : "Mass mailing" } },
        ...{ send: mode, metadata: {} },
      })),
    );
    for (const [source, mail] of customers) {
      await hook(webhookOf(fails ? "customer.rewarded" : "customer.redemption.succeeded", source, mail));
      if (!fails) continue;
      await hook(webhookOf("customer.rewarded", source, mail).slice(0, -30));
      await hook(
        JSON.stringify({
          object: "event",
          type: "customer.updated",
          data: { object: { source_id: source, email: mail } },
        }),
      );
    }
  };

  const everything = async (): Promise<Map<string, JsonValue>> =>
    new Map(readable(await LevelStore.open(folder()).read({ gte: "!", lt: "~" })));
  const lettersOf = async (customer: string): Promise<DeadLetter[]> =>
    (await delivery().failed.list({ limit: 10_000 })).letters.filter((letter) => letter.customer === customer);
  const waiting = async (name: string): Promise<number> =>
    (await delivery().report()).find(({ node }) => node === id(name))?.waiting ?? 0;

  /** What is kept of a customer: by key, or within a message the items that hold the mail. */
  const keptOf = async (customer: string, mail: string): Promise<string[]> => {
    const found: string[] = [];
    for (const [key, value] of await everything()) {
      if (!JSON.stringify(value).includes(mail) || !isJsonObject(value)) continue;
      if (/\/record\//.test(key) && typeof value.key === "string" && customerOf(value.key) === customer)
        found.push(`${key} ${JSON.stringify(value)}`);
      else if (key.startsWith("dead/")) found.push(`${key} ${JSON.stringify(value.body)}`);
      else if (key.startsWith("inbox-message/"))
        for (const item of [value.records, value.events, value.payload].flat())
          if (JSON.stringify(item ?? "").includes(mail)) found.push(`${key} ${JSON.stringify(item)}`);
    }
    return found.sort();
  };
  const filesWith = (text: string): string[] =>
    readdirSync(folder()).filter((name) => readFileSync(join(folder(), name)).includes(text));
  /** The kinds of keys under which a text is kept. */
  const kindsWith = async (text: string): Promise<Set<string>> =>
    new Set(
      [...(await everything())]
        .filter(([, value]) => JSON.stringify(value).includes(text))
        .map(([key]) => key.replace(/^(lane\/[a-z-]+\d+\/\w+|[\w-]+)\/.*/, "$1").replace(/\d+\//, "/")),
    );

  for (const [person, other, telling] of PAIRS)
    it(`${JSON.stringify(person)} goes, ${JSON.stringify(other)} stays and is delivered`, async () => {
      await load();
      const [personal, others] = [`mail-of-person-${unique}@example.org`, `mail-of-other-${unique}@example.org`];
      const both = [
        [person, personal],
        [other, others],
      ] as const;
      await send(both, "fail");
      await waitFor(
        "what fails",
        async () => (await lettersOf(other)).length >= 4 && (await lettersOf(person)).length >= 4,
      );
      simulator.setFaults({ seed: 1, rate429: 1 });
      await send(both, "wait");
      // Copies of a customer that a flow may put on a message that others came with.
      const upsert = flow.node(id("upsert"));
      upsert.receive({
        payload: [
          { registered: other, name: "copied", email: others, metadata: { segment: "VIP", referrer_id: person } },
        ],
        ...{ hardId: "registered", received: both.map(([registered, email]) => ({ registered, email })) },
        ...{
          text: JSON.stringify({ list: [{ source_id: person, email: personal }] }),
          one: { customer: person, email: personal },
        },
      });
      await waitFor("what waits", async () => {
        const counts = await Promise.all(["upsert", "track", "queue", "tell"].map(waiting));
        return counts.every((count, place) => count >= [3, 2, 2, 2][place]!);
      });
      const lanes = ["upsert", "track", "queue", "tell"].map((lane) => `lane/${lane}/record`);
      for (const kind of ["inbox-message", "dead", ...lanes, "lane/upsert/message"])
        for (const mail of [personal, others])
          await waitFor(`${mail} under ${kind}`, async () => (await kindsWith(mail)).has(kind));
      const before = await keptOf(other, others);
      const lettersBefore = await lettersOf(other);

      const counts = await delivery().erase(person);
      assert.ok(counts.waiting >= 4 && counts.failed === 6 && counts.received >= 4, JSON.stringify(counts));
      assert.deepEqual([counts.mentions >= 2, counts.setAside], [true, []]);
      const again = await delivery().erase(person);
      assert.deepEqual([again.waiting, again.failed, again.received, again.mentions], [0, 0, 0, 0]);

      assert.deepEqual([...(await kindsWith(personal))], []);
      assert.deepEqual(filesWith(personal), []);
      if (telling) {
        const texts = [...(await everything()).values()].map((value) => JSON.stringify(value)).join("\n");
        const withoutOther = formsOf(other).reduce((text, form) => text.replaceAll(form, ""), texts);
        for (const form of formsOf(person)) assert.ok(!withoutOther.includes(form), form);
      }
      assert.deepEqual(
        whoseIds(await everything()).filter((one) => one === person),
        [],
      );
      assert.deepEqual((await keptOf(other, others)).map(withoutReferrer), before.map(withoutReferrer));
      assert.deepEqual(await lettersOf(other), lettersBefore);

      simulator.metadataSchemas.get("customer")!.properties.segment!.optional = true;
      simulator.setFaults(undefined);
      await waitFor(
        "what waited of the other",
        async () =>
          (await Promise.all(["upsert", "ids", "track", "queue", "codes", "tell"].map(waiting))).every(
            (count) => count === 0,
          ),
        20_000,
      );
      const stored = simulator.customers.get(other);
      assert.equal(stored?.name, "copied");
      assert.deepEqual(
        simulator.events.events.filter(({ type, customer }) => type === "waiting" && customer === other).length,
        1,
      );
      const tracked = [...simulator.bloomreach.book.profiles].map(({ ids, events }) => [
        ids.registered,
        events.map(({ type }) => type).sort(),
      ]);
      assert.deepEqual(
        tracked.filter(([who]) => who === other),
        [
          [
            other,
            ["voucherify_publication_failed", "voucherify_publication_succeeded", "voucherify_redemption_succeeded"],
          ],
        ],
      );
      assert.deepEqual(await lettersOf(person), []);
      assert.deepEqual(filesWith(personal), []);

      simulator.bloomreach.deniedEvents.clear();
      const replayed = lettersBefore.filter(({ node }) => [id("upsert"), id("tell")].includes(node));
      assert.equal((await delivery().replay(replayed.map((letter) => letter.id))).replayed, replayed.length);
      await waitFor("what was replayed", () => simulator.customers.get(other)?.name === "fail");
      await waitFor("nothing waiting", async () =>
        (await Promise.all(["upsert", "tell"].map(waiting))).every((count) => count === 0),
      );
      await delivery().failed.discardAll();
    });
});

/** All values that stand where IDs of customers stand, also in JSON that is kept as a text. */
function whoseIds(values: Iterable<readonly [string, JsonValue]>): string[] {
  const ids: string[] = [];
  const look = (value: JsonValue, key: string): void => {
    if (typeof value === "string" && /^[[{]/.test(value)) {
      try {
        return look(JSON.parse(value) as JsonValue, key);
      } catch {
        return;
      }
    }
    if (
      ["registered", "source_id", "sourceId", "tracking_id", "customer", "referrer_id", "key"].includes(key) &&
      typeof value !== "object"
    )
      ids.push(customerOf(String(value)));
    if (Array.isArray(value)) value.forEach((one) => look(one, key));
    else if (isJsonObject(value)) for (const [name, one] of Object.entries(value)) look(one, name);
  };
  for (const [, value] of values) look(value, "");
  return ids;
}

function withoutReferrer(text: string): string {
  return text.replace(/,"referrer_id":("(\\.|[^"\\])*"|\d+)/g, "").replace(/"bytes":\d+/, "");
}

/** An ID as it can stand in what is kept, longest first. */
function formsOf(id: string): string[] {
  const inJson = (text: string): string => JSON.stringify(text).slice(1, -1);
  return [inJson(inJson(inJson(id))), inJson(inJson(id)), inJson(id), encodeURIComponent(id), id];
}
