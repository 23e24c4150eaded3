import assert from "node:assert/strict";
import { withIds } from "../../src/destinations/voucherify/customer-ids";
import { Simulator } from "../../src/simulator";
import { VoucherifyApi } from "../../src/voucherify/voucherify-api";
import { sendHttp } from "../../src/http/http-client";
import { TEST_KEYS } from "../support/flows";

describe("the IDs of customers that were sent in bulk", () => {
  let simulator: Simulator;
  before(async () => {
    simulator = await Simulator.start({ keys: TEST_KEYS, rateLimit: { limit: 1_000_000, periodMs: 60_000 } });
  });
  after(() => simulator.stop());
  beforeEach(() => simulator.reset());

  const read = async (sourceIds: readonly string[], since: number): Promise<(string | undefined)[]> => {
    const items = sourceIds.map((sourceId) => ({ sourceId, record: { id: sourceId } }));
    const settled = sourceIds.map((id) => ({ id, outcome: { status: "delivered", result: { source_id: id } } }));
    const api = new VoucherifyApi({ apiUrl: simulator.url, keys: TEST_KEYS, send: sendHttp });
    const found = await withIds(settled as never, items as never, { api, since }, AbortSignal.timeout(60_000));
    return found.map(({ outcome }) => (outcome.status === "delivered" ? outcome.result?.id : undefined) as string);
  };
  /** Customers that were updated one after the other, the first of them at `from` (Unix ms). */
  const store = (count: number, from: number): string[] =>
    Array.from({ length: count }, (_, n) => {
      const customer = simulator.customerOf(`c${n}`);
      Object.assign(customer, { updated_at: new Date(from + Math.floor(n / 10)).toISOString() });
      return customer.source_id;
    });

  it("are found behind the last page that Voucherify lists", async () => {
    const since = Date.now();
    const sourceIds = store(10_050, since);
    const ids = await read(sourceIds, since);
    assert.deepEqual(
      ids,
      sourceIds.map((sourceId) => simulator.customers.get(sourceId)?.id),
    );
  }).timeout(20_000);

  it("are read one by one where the list has them not, for a hundred of a request", async () => {
    const since = Date.now();
    const sourceIds = store(130, since - 86_400_000);
    const ids = await read(sourceIds, since);
    assert.equal(ids.filter((id) => id !== undefined).length, 100);
    assert.equal(simulator.log.length, 101);
  });

  it("are missing, and nobody fails, where they cannot be read", async () => {
    simulator.setFaults({ seed: 1, rate500: 1 });
    assert.deepEqual(await read(store(2, Date.now()), Date.now()), [undefined, undefined]);
    simulator.setFaults(undefined);
  });
});
