import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DeadLetter, LetterPage } from "../../src/store/dead-letters";
import type { ErasedCounts, QueueReport, ReplayResult, WebhookTrace } from "../../src/delivery/desk/queue-desk";
import { Simulator } from "../../src/simulator";
import { customerFlow, CUSTOMERS_PATH, type FlowNode, TEST_KEYS, WEBHOOK_KEYS } from "../support/flows";
import { type HttpReply, type NodeRedProcess, startNodeRed } from "../support/node-red-process";
import { waitFor } from "../support/wait-for";

/** Calls that are never answered: what was accepted waits. */
const SILENCE = { seed: 1, rateHang: 1 };
const SECRETS = [TEST_KEYS.secretKey, WEBHOOK_KEYS["secret-key"]];

/** bloomreach in -> a function that puts keys on the message -> two customer upserts. */
function forkedFlow(url: string): ReturnType<typeof customerFlow> {
  const { flows, credentials } = customerFlow(url, { in: { wires: [["keys"]] }, upsert: { name: "To Voucherify" } });
  const upsert = flows.find(({ id }) => id === "upsert")!;
  // A message can carry keys, and the customers a second time.
  const headers = { authorization: `Bearer ${SECRETS[0]}`, "secret-key": SECRETS[1] };
  const keys: FlowNode = {
    id: "keys",
    type: "function",
    func: `msg.headers = ${JSON.stringify(headers)}; msg.received = msg.payload; return msg;`,
    outputs: 1,
    wires: [["upsert", "other"]],
    ...{ z: "tab", x: 100, y: 100 },
  };
  return { flows: [...flows, keys, { ...upsert, id: "other", name: "Other" }], credentials };
}

describe("The queues over the admin API of a running Node-RED", () => {
  let simulator: Simulator;
  let nodeRed: NodeRedProcess;
  let flows: FlowNode[];
  /** Everything that the routes have answered. */
  const answers: string[] = [];

  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS });
    const flow = forkedFlow(simulator.url);
    flows = flow.flows;
    nodeRed = await startNodeRed({ major: 4, ...flow });
  });
  after(async () => {
    await nodeRed?.remove();
    await simulator?.stop();
  });
  afterEach(() => {
    assert.notEqual(answers.length, 0);
    for (const secret of SECRETS) assert.ok(!answers.join().includes(secret), `${secret} is in an answer`);
  });

  const noted = ({ status, text }: HttpReply): string => {
    answers.push(text);
    assert.equal(status, 200, text);
    return text;
  };
  const address = (path: string): string => `${nodeRed.adminUrl}/bloomreach-voucherify/queues${path}`;
  const read = async (path: string): Promise<string> => noted(await nodeRed.get(address(path)));
  const get = async <Answer>(path: string): Promise<Answer> => JSON.parse(await read(path)) as Answer;
  const act = async <Answer>(path: string, posted: object): Promise<Answer> =>
    JSON.parse(noted(await nodeRed.post(address(path), posted))) as Answer;
  const queue = async (node: string): Promise<QueueReport | undefined> =>
    (await get<{ queues: QueueReport[] }>("")).queues.find((one) => one.node === node);
  const untilQueue = (node: string, expected: Partial<QueueReport>): Promise<boolean> =>
    waitFor(`the queue of ${node} with ${JSON.stringify(expected)}`, async () => {
      const found = await queue(node);
      if (!Object.entries(expected).every(([name, value]) => found?.[name as keyof QueueReport] === value))
        return false;
      if (expected.failed === undefined) return true;
      // Counts say already what is still being written.
      const { letters } = await get<LetterPage>(`/failed?node=${node}&limit=100`);
      return letters.length === expected.failed;
    });

  /** Sends a webhook; a customer without a segment is refused while segments are required. Returns its `request_id`. */
  const send = async (refused: readonly string[], others: readonly string[] = []): Promise<string> => {
    const customers = [
      ...refused.map((registered) => ({ registered, name: `Name of ${registered}` })),
      ...others.map((registered) => ({ registered, metadata: { segment: "VIP" } })),
    ];
    const answer = await nodeRed.post(nodeRed.url + CUSTOMERS_PATH, customers, WEBHOOK_KEYS);
    assert.equal(answer.status, 200);
    return (JSON.parse(answer.text) as { request_id: string }).request_id;
  };
  const requireSegments = (required: boolean): void => {
    simulator.metadataSchemas.get("customer")!.properties.segment!.optional = !required;
  };
  const withoutUpserts = (): FlowNode[] => flows.filter(({ type }) => type !== "bv-customer-upsert");
  /** Kills it and starts it again, so that no call is open any more. */
  const restart = async (): Promise<void> => {
    await nodeRed.stop("SIGKILL");
    simulator.setFaults(undefined);
    await nodeRed.start();
    await waitFor("the store", async () => (await get<{ problem?: string }>("")).problem === undefined);
  };
  const filesWith = (bytes: string): string[] => {
    const folder = join(nodeRed.userDir, "bloomreach-voucherify");
    const files = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile());
    assert.ok(files.some(({ name }) => name.endsWith(".log")));
    return files
      .map(({ parentPath, name }) => join(parentPath, name))
      .filter((file) => readFileSync(file).includes(bytes));
  };

  it("what Voucherify refused: listed in pages, read, exported, found, discarded and replayed", async () => {
    requireSegments(true);
    const refused = [0, 1, 2, 3, 4].map((index) => `refused-${index}`);
    const requestId = await send(refused, ["taken"]);
    await untilQueue("upsert", { waiting: 0, failed: 5 });
    await untilQueue("other", { waiting: 0, failed: 5 });
    assert.ok(simulator.customers.has("taken"));

    const letters: DeadLetter[] = [];
    const pages: number[] = [];
    for (let after: string | undefined = ""; after !== undefined;) {
      const page: LetterPage = await get(`/failed?node=upsert&limit=2&after=${after}`);
      letters.push(...page.letters);
      pages.push(page.letters.length);
      after = page.next;
    }
    assert.deepEqual(pages, [2, 2, 1]);
    assert.deepEqual(letters.map(({ customer }) => customer).sort(), refused);
    assert.equal((await get<LetterPage>("/failed")).letters.length, 10);
    const lines = (await read("/failed/export?node=upsert")).trimEnd().split("\n");
    assert.deepEqual(
      lines.map((line) => JSON.parse(line) as DeadLetter),
      letters,
    );

    const [first] = letters as [DeadLetter];
    assert.deepEqual(await get(`/failed/${first.id}`), first);
    assert.match(first.reason, /segment/);
    assert.equal(first.requestId, requestId);
    assert.deepEqual(first.envelope.webhook, { ...(first.envelope.webhook as object), request_id: requestId });
    assert.deepEqual((await get<WebhookTrace>(`/find?request_id=${requestId}`)).failed, { upsert: 5, other: 5 });

    assert.deepEqual(await act("/failed/discard", { ids: [first.id] }), { discarded: 1 });
    assert.equal((await nodeRed.get(address(`/failed/${first.id}`))).status, 404);
    assert.deepEqual(await act("/failed/discard", { node: "other" }), { discarded: 5 });
    // Still refused, and kept once more, before it is accepted.
    assert.deepEqual(await act("/failed/replay", { ids: [letters[1]!.id] }), { replayed: 1, refused: [] });
    await untilQueue("upsert", { waiting: 0, failed: 4 });
    requireSegments(false);
    assert.deepEqual(await act("/failed/replay", { all: true }), { replayed: 4, refused: [] });
    await untilQueue("upsert", { waiting: 0, failed: 0 });
    const expected = refused.filter((id) => id !== first.customer);
    assert.deepEqual([...simulator.customers.keys()].filter((id) => id.startsWith("refused")).sort(), expected);
  });

  it("nodes that were removed while records waited: kept over a restart, delivered or discarded", async () => {
    simulator.setFaults(SILENCE);
    const requestId = await send(["kept-1", "kept-2"]);
    await untilQueue("upsert", { waiting: 2, exists: true });
    await untilQueue("other", { waiting: 2, exists: true });
    await nodeRed.deploy(withoutUpserts());
    await untilQueue("upsert", { waiting: 2, exists: false });
    await restart();
    const found = await queue("upsert");
    assert.deepEqual([found?.exists, found?.waiting, found?.name], [false, 2, "To Voucherify"]);
    const trace = await get<WebhookTrace>(`/find?request_id=${requestId}`);
    assert.deepEqual([trace.waiting, trace.failed, typeof trace.receivedAt], [{ upsert: 2, other: 2 }, {}, "number"]);

    assert.deepEqual(await act("/discard", { node: "other" }), { discarded: 2 });
    assert.equal(await queue("other"), undefined);
    assert.ok(!simulator.customers.has("kept-1"));
    await nodeRed.deploy(flows);
    await waitFor("the customers", () => simulator.customers.has("kept-1") && simulator.customers.has("kept-2"));
    await untilQueue("upsert", { waiting: 0, exists: true, failed: 0 });
    const { status, text } = await nodeRed.post(address("/discard"), { node: "upsert" });
    assert.equal(status, 409, text);
  });

  it("one customer is erased from the queues, what failed, received webhooks and every file", async () => {
    const [person, other] = ["erase-7f3ac951@example.com", "stays-7f3ac952@example.com"];
    requireSegments(true);
    await send([person, other]);
    for (const node of ["upsert", "other"]) await untilQueue(node, { waiting: 0, failed: 2 });
    simulator.setFaults(SILENCE);
    await send([], [person, other]);
    for (const node of ["upsert", "other"]) await untilQueue(node, { waiting: 2 });
    await nodeRed.deploy(withoutUpserts());
    await restart();
    assert.notDeepEqual(filesWith("7f3ac951"), []);

    const replay = await act<ReplayResult>("/failed/replay", { all: true });
    assert.deepEqual([replay.replayed, replay.refused.length], [0, 4]);
    const erased = await act<ErasedCounts>("/erase", { hardId: person });
    assert.deepEqual([erased.waiting, erased.failed], [2, 2]);
    assert.notEqual(erased.received, 0);
    assert.deepEqual(filesWith("7f3ac951"), []);
    assert.notDeepEqual(filesWith("7f3ac952"), []);
    assert.ok(!(await read("/failed/export")).includes(person));

    requireSegments(false);
    await nodeRed.deploy(flows);
    assert.deepEqual(await act("/failed/replay", { all: true }), { replayed: 2, refused: [] });
    for (const node of ["upsert", "other"]) await untilQueue(node, { waiting: 0, failed: 0, exists: true });
    assert.ok(simulator.customers.has(other));
    assert.ok(!simulator.customers.has(person));
  });
});
