import assert from "node:assert/strict";
import type { DeadLetter, DeadLetters, LetterChange } from "../../src/store/dead-letters";
import { StoreUnavailableError } from "../../src/store/durable-store";
import type { JsonValue } from "../../src/json";
import { MemoryDurableStore, put } from "../support/memory-durable-store";

const DAY_MS = 86_400_000;
const NOON = Date.UTC(2025, 4, 1, 12);

const letter = (overrides: Partial<Omit<DeadLetter, "id">> = {}): Omit<DeadLetter, "id"> => ({
  node: "upsert",
  customer: "anna@example.com",
  body: { sourceId: "anna@example.com", record: { first_name: "Anna" } },
  reason: "Voucherify refused this customer: phone is not valid.",
  reasonKey: "invalid_customer",
  attempts: 1,
  acceptedAt: NOON - 1000,
  failedAt: NOON,
  answer: { statusCode: 400, body: { key: "invalid_customer" } },
  messageId: "message",
  index: 0,
  envelope: { topic: "customers" },
  requestId: "webhook-1",
  ...overrides,
});

/** Letters of customers c0, c1, ... one second apart. */
const numbered = (count: number, overrides: Partial<DeadLetter> = {}): Omit<DeadLetter, "id">[] =>
  Array.from({ length: count }, (_, index) =>
    letter({ customer: `c${index}`, failedAt: NOON + index * 1000, ...overrides }),
  );

const customers = (letters: readonly DeadLetter[]): string[] => letters.map(({ customer }) => customer);

describe("DeadLetters", () => {
  let store: MemoryDurableStore;
  let failed: DeadLetters;

  beforeEach(async () => {
    store = new MemoryDurableStore();
    failed = await opened(store);
  });

  async function opened(on: MemoryDurableStore): Promise<DeadLetters> {
    await on.deadLetters.open();
    return on.deadLetters;
  }

  async function write(change: LetterChange): Promise<void> {
    try {
      await store.write(change.changes);
    } catch (error) {
      change.failed();
      throw error;
    }
  }

  const keep = (...letters: Omit<DeadLetter, "id">[]): Promise<void> => write(failed.prepare(letters));
  const all = async (): Promise<DeadLetter[]> => (await failed.list({ limit: 10_000 })).letters;

  it("keeps everything of a letter, also over a crash", async () => {
    await keep(letter());
    const [found] = (await (await opened(store.crashedCopy())).list({ limit: 10 })).letters;
    assert.ok(found);
    const { id, ...rest } = found;
    assert.match(id, new RegExp(`^${String(NOON).padStart(16, "0")}-`));
    assert.deepEqual(rest, letter());
    assert.deepEqual(await failed.read([id, "not there", id]), [found]);
  });

  it("lists oldest first, letters of one moment in the order in which they failed, page by page", async () => {
    await keep(...numbered(150).reverse());
    await keep(...["x", "y", "z"].map((customer) => letter({ customer, failedAt: NOON + DAY_MS })));
    const seen: string[] = [];
    let after: string | undefined;
    let pages = 0;
    do {
      const page = await failed.list({ limit: 51, after });
      seen.push(...customers(page.letters));
      after = page.next;
      pages++;
    } while (after !== undefined);
    assert.deepEqual(seen, [...numbered(150).map(({ customer }) => customer), "x", "y", "z"]);
    assert.equal(pages, 3, "the last page was full, and there is no empty one behind it");
  });

  it("lists the letters of one node, however many others lie between", async () => {
    await keep(...numbered(250, { node: "other" }), letter({ failedAt: NOON + DAY_MS }));
    const page = await failed.list({ node: "upsert", limit: 1 });
    assert.deepEqual(customers(page.letters), ["anna@example.com"]);
    assert.equal(page.next, undefined);
  });

  it("counts at once, by node, and still knows after a crash, without reading letters", async () => {
    const first = failed.prepare([letter(), letter({ node: "other" }), letter()]);
    assert.deepEqual([await failed.count(), await failed.count("upsert"), await failed.count("none")], [3, 2, 0]);
    await write(first);
    const copy = store.crashedCopy();
    copy.engine.read = () => assert.fail("read letters");
    const later = await opened(copy);
    assert.deepEqual([await later.count(), await later.count("upsert"), await later.count("other")], [3, 2, 1]);
  });

  it("writes nothing for no letters", () => {
    assert.deepEqual(failed.prepare([]).changes, []);
    assert.deepEqual(failed.removal([]).changes, []);
  });

  it("takes the counting back when the write failed, also of those behind it", async () => {
    await keep(letter());
    store.failWrites = 1;
    const writes = [keep(letter(), letter({ node: "other" })), keep(letter())];
    assert.equal(await failed.count(), 4);
    for (const result of await Promise.allSettled(writes)) assert.equal(result.status, "rejected");
    assert.deepEqual([await failed.count(), await failed.count("other")], [1, 0]);
    assert.equal((await all()).length, 1);
    await keep(letter());
    assert.equal(await (await opened(store.crashedCopy())).count(), 2);
  });

  it("discards letters, those that are there, once", async () => {
    await keep(...numbered(3));
    const [first, second] = (await all()).map(({ id }) => id);
    assert.equal(await failed.discard([first!, first!, "not there"]), 1);
    const both = await Promise.all([failed.discard([second!]), failed.discard([second!])]);
    assert.deepEqual(both, [1, 0]);
    assert.deepEqual(customers(await all()), ["c2"]);
    assert.equal(await failed.count(), 1);
    assert.equal(await (await opened(store.crashedCopy())).count(), 1);
  });

  it("has them all still when discarding failed", async () => {
    await keep(...numbered(2));
    store.failWrites = 1;
    await assert.rejects(failed.discardAll(), StoreUnavailableError);
    assert.equal(await failed.count(), 2);
    assert.equal((await all()).length, 2);
  });

  it("discards all of a node, or all", async () => {
    await keep(...numbered(250), ...numbered(120, { node: "other" }));
    assert.equal(await failed.discardAll("other"), 120);
    assert.deepEqual([await failed.count("upsert"), await failed.count("other")], [250, 0]);
    assert.equal(await failed.discardAll(), 250);
    assert.deepEqual(store.keys(), ["dead-count"]);
  });

  it("does not discard what fails while all are being discarded", async () => {
    await keep(...numbered(250));
    const discarding = failed.discardAll();
    await keep(letter({ customer: "late", failedAt: Date.now() + 1000 }));
    assert.equal(await discarding, 250);
    assert.deepEqual(customers(await all()), ["late"]);
  });

  it("lets letters go in the write that queues their records again", async () => {
    await keep(...numbered(2));
    const [first, second] = await all();
    const removal = failed.removal([first!]);
    assert.equal(await failed.count(), 1);
    await store.write([...removal.changes, put("lane/upsert/record", {})]);
    assert.deepEqual(await all(), [second]);

    store.failWrites = 1;
    await assert.rejects(write(failed.removal([second!])));
    assert.equal(await failed.count(), 1);
    assert.deepEqual(await all(), [second]);
  });

  it("gives every letter, of one node or of all", async () => {
    await keep(...numbered(130), letter({ node: "other" }));
    const found: DeadLetter[] = [];
    for await (const one of failed.all()) found.push(one);
    assert.equal(found.length, 131);
    assert.deepEqual(found, await all());
    const others: DeadLetter[] = [];
    for await (const one of failed.all("other")) others.push(one);
    assert.deepEqual(
      others.map(({ node }) => node),
      ["other"],
    );
  });

  it("rewrites: forgets the letters of a customer, changes some of others, and leaves the rest", async () => {
    const rewrite = (): ReturnType<DeadLetters["rewrite"]> =>
      failed.rewrite((one) => {
        if (one.customer === "anna") return undefined;
        return one.customer === "anna2" && one.reason !== "Changed." ? { ...one, reason: "Changed." } : one;
      });
    await keep(...numbered(150), ...numbered(150, { customer: "anna" }), letter({ node: "other", customer: "anna" }));
    await keep(letter({ customer: "anna2" }));
    assert.deepEqual(await rewrite(), { removed: 151, changed: 1 });
    assert.equal(await failed.count(), 151);
    assert.deepEqual(
      (await all()).flatMap(({ customer, reason }) => (reason === "Changed." ? [customer] : [])),
      ["anna2"],
    );
    assert.ok(!customers(await all()).includes("anna"));
    assert.deepEqual(await rewrite(), { removed: 0, changed: 0 });
  });

  it("forgets what is too old, and reads no more than that", async () => {
    await keep(...numbered(150), ...numbered(3, { customer: "young", failedAt: NOON + DAY_MS }));
    const read = store.engine.read.bind(store.engine);
    let lettersRead = 0;
    store.engine.read = async (range) => {
      const found = await read(range);
      lettersRead += found.length;
      return found;
    };
    assert.equal(await failed.expire(NOON), 0);
    assert.equal(await failed.expire(NOON + DAY_MS), 150);
    assert.equal(lettersRead, 150);
    assert.equal(await failed.count(), 3);
    assert.equal(await failed.expire(NOON + DAY_MS + 1), 3);
  });

  it("finds the letters of a webhook, by node", async () => {
    await keep(...numbered(120), ...numbered(2, { node: "__proto__" }), letter({ requestId: "webhook-2" }));
    const found = await failed.find("webhook-1");
    assert.deepEqual(new Map(Object.entries(found)), new Map(Object.entries({ upsert: 120, ["__proto__"]: 2 })));
    assert.deepEqual(await failed.find("webhook-3"), {});
  });

  it("keeps nothing in an envelope that looks like a key, and leaves the record itself alone", async () => {
    const secret = "fake-secret-1f3c";
    const headers = { "Application-Id": secret, "SECRET-KEY": secret, "X-App-Token": secret, Authorization: secret };
    const envelope = {
      topic: "customers",
      headers: { ...headers, accept: "*/*" },
      req: { headers },
      Res: secret,
      list: [{ deeper: [{ secret_key: secret, secretKey: secret, applicationId: secret, cookie: secret, kept: 1 }] }],
    };
    const body = { record: { req: "a customer's own attribute" } };
    await keep(letter({ envelope, body }));
    const [found] = await all();
    assert.deepEqual(found?.envelope, {
      topic: "customers",
      headers: { accept: "*/*" },
      list: [{ deeper: [{ kept: 1 }] }],
    });
    assert.deepEqual(found?.body, body);
    assert.ok(!JSON.stringify(await store.engine.read({ gte: "", lt: "~" })).includes(secret));
    assert.equal(envelope.Res, secret, "the message itself is not changed");
  });

  it("takes a message of an old queue that nests too deep for the call stack, without what lies below 100 levels", async () => {
    const nested = (levels: number): JsonValue =>
      JSON.parse('{"a":'.repeat(levels) + "1" + "}".repeat(levels)) as JsonValue;
    await keep(letter({ envelope: { topic: "customers", shallow: nested(50), deep: nested(20_000) } }));
    const [found] = await all();
    assert.deepEqual([found!.envelope.topic, found!.envelope.shallow], ["customers", nested(50)]);
    assert.equal(JSON.stringify(found!.envelope.deep), '{"a":'.repeat(99) + "null" + "}".repeat(99));
  });
});
